// Clip files (native/spool/clip.h) with two encodings of one sound, PCMU and 16-bit PCM of 8 kHz, for engines to play.
import { encodeMuLaw } from './tone.ts';

const FRAME_MS = 20;
const SAMPLES_PER_FRAME = 160;
const HEADER_BYTES = 64;
const TRACK_BYTES = 40;
const ALIGNMENT = 64;
const PCMU = 0;
const PCM16 = 3;

const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1)
    value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC32C[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/**
 * Lays a clip out.
 * @param samples at 8 kHz; whole frames of 20 ms are kept.
 */
export function clipFile(samples: Int16Array): Buffer {
  const frames = Math.floor(samples.length / SAMPLES_PER_FRAME);
  const kept = samples.slice(0, frames * SAMPLES_PER_FRAME);
  const tracks = [
    { kind: PCMU, data: encodeMuLaw(kept), frameBytes: SAMPLES_PER_FRAME },
    { kind: PCM16, data: Buffer.from(kept.buffer), frameBytes: 2 * SAMPLES_PER_FRAME },
  ];
  const tableEnd = HEADER_BYTES + TRACK_BYTES * tracks.length;
  const head = Buffer.alloc(Math.ceil(tableEnd / ALIGNMENT) * ALIGNMENT);
  const parts: Buffer[] = [head];
  let at = head.length;
  tracks.forEach(({ kind, data, frameBytes }, index) => {
    const entry = HEADER_BYTES + TRACK_BYTES * index;
    head.writeUInt8(kind, entry);
    head.writeUInt32BE(8_000, entry + 4);
    head.writeUInt32BE(frameBytes, entry + 8);
    head.writeUInt32BE(crc32c(data), entry + 12);
    head.writeBigUInt64BE(BigInt(at), entry + 16);
    head.writeBigUInt64BE(BigInt(data.length), entry + 24);
    // Data begin at multiples of 64; behind the last one nothing follows.
    const last = index === tracks.length - 1;
    const padding = last ? 0 : (ALIGNMENT - (data.length % ALIGNMENT)) % ALIGNMENT;
    parts.push(data, Buffer.alloc(padding));
    at += data.length + padding;
  });
  head.write('TYCP', 0, 'ascii');
  head.writeUInt16BE(1, 4);
  head.writeUInt8(tracks.length, 6);
  head.writeUInt8(FRAME_MS, 7);
  head.writeUInt32BE(frames, 8);
  head.writeBigUInt64BE(BigInt(at), 16);
  head.writeBigUInt64BE(BigInt(6 * kept.length), 24);
  const covered = Buffer.concat([
    head.subarray(0, HEADER_BYTES - 4),
    head.subarray(HEADER_BYTES, tableEnd),
  ]);
  head.writeUInt32BE(crc32c(covered), HEADER_BYTES - 4);
  return Buffer.concat(parts);
}
