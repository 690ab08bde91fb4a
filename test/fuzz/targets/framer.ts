// Framer: however a stream is cut, the same messages come out, none longer than the limit, and nothing after a break.
import { StreamFramer, indexMessage } from '../../../src/sip/message/index.ts';
import type { FrameOutput } from '../../../src/sip/message/index.ts';
import { SIP_FRAGMENTS } from './sip-fragments.ts';
import { expectProperty } from './target.ts';
import type { FuzzTarget } from './target.ts';

const MESSAGE_BYTES_MAX = 65_536;

function summary(outputs: readonly FrameOutput[]): string {
  return outputs
    .filter((output) => output.kind !== 'keepAlive')
    .map((output) => (output.kind === 'message' ? output.bytes.toString('latin1') : 'broken'))
    .join('\u0100');
}

export const framer: FuzzTarget = {
  seedFolders: ['test/golden/sip/rfc4475', 'test/golden/sip/smuggling', 'test/fuzz/corpus/framer'],
  fragments: SIP_FRAGMENTS,
  separator: '\r\n',
  run(input, draw) {
    const whole = new StreamFramer({ messageBytesMax: MESSAGE_BYTES_MAX }).push(input);
    const cut = new StreamFramer({ messageBytesMax: MESSAGE_BYTES_MAX });
    const pieces: FrameOutput[] = [];
    // Few bytes at a time for short inputs only: 64 kB byte by byte is 65,536 calls, whatever each of them costs.
    const longest = draw() < 0.2 && input.length < 4_096 ? 3 : 400;
    for (let at = 0; at < input.length;) {
      const size = 1 + Math.floor(draw() * longest);
      // A copy that is overwritten afterwards, as a socket's buffer may be: nothing handed out may change by it.
      const chunk = Buffer.from(input.subarray(at, at + size));
      for (const output of cut.push(chunk)) {
        pieces.push(
          output.kind === 'message'
            ? { kind: 'message', bytes: Buffer.from(output.bytes) }
            : output,
        );
      }
      chunk.fill(0x23);
      at += size;
    }
    expectProperty(summary(whole) === summary(pieces), 'the cut of a stream does not matter');
    for (const [at, output] of whole.entries()) {
      if (output.kind === 'broken')
        expectProperty(at === whole.length - 1, 'nothing comes after a break');
      if (output.kind !== 'message') continue;
      expectProperty(output.bytes.length <= MESSAGE_BYTES_MAX, 'no message exceeds the limit');
      const result = indexMessage(output.bytes, 'tcp');
      if (result.verdict === 'drop') continue;
      expectProperty(
        result.index.contentLength === result.index.body.length,
        'framer and guard agree on the length',
      );
    }
  },
};
