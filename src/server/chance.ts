// Cryptographic chance for the cores: tags, branches and keys on the wire must not be guessed.
import { randomFillSync } from 'node:crypto';
import type { Random } from '../base/index.ts';

const BLOCK_BYTES = 4096;

/** Drawn from the kernel in blocks, since a draw at a time costs a system call. */
export function secureRandom(): Random {
  const block = Buffer.alloc(BLOCK_BYTES);
  let used = block.length;
  const take = (bytes: number): Buffer => {
    if (used + bytes > block.length) {
      randomFillSync(block);
      used = 0;
    }
    used += bytes;
    return block.subarray(used - bytes, used);
  };
  return {
    draw: () => take(4).readUInt32LE() / 0x1_0000_0000,
    hex: (bytes) => take(bytes).toString('hex'),
  };
}
