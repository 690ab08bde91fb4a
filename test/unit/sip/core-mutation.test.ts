// Mutated messages thrown at a core with transactions in every state: nothing is thrown back, responses
// and ACKs are never answered, what goes out stays smaller than what came in, and nothing is left.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId, seededRandom } from '../../../src/base/index.ts';
import type { Random } from '../../../src/base/index.ts';
import type { SipOutput } from '../../../src/sip/types.ts';
import {
  CoreHarness,
  PEER,
  flowOf,
  lines,
  ourRequest,
  ourResponse,
  requestBytes,
  responseBytes,
  sentBytes,
} from './core-harness.ts';

const SEEDS = 60;
const MESSAGES = 150;
const SPLICES = [
  '\r\n',
  '\n',
  '\0',
  '"',
  '<',
  '>',
  ';',
  ',',
  '%',
  ' ',
  '\t',
  '\x7f',
  '\xe9',
  '-1',
  '4294967296',
  ';tag=x',
  ';branch=z9hG4bKpeer1',
  '[::1]',
  'sips:',
  '?a=b',
  '__proto__',
];

function mutated(bytes: Buffer, random: Random): Buffer {
  const at = (): number => Math.floor(random.draw() * (text.length + 1));
  let text = bytes.toString('latin1');
  for (let i = Math.floor(random.draw() * 4); i > 0; i -= 1) {
    const from = at();
    const kind = random.draw();
    if (kind < 0.3) text = text.slice(0, from) + text.slice(from + Math.floor(random.draw() * 12));
    else if (kind < 0.8) {
      const splice = SPLICES[Math.floor(random.draw() * SPLICES.length)] ?? '';
      text = text.slice(0, from) + splice + text.slice(from);
    } else {
      const heads = text.split('\r\n');
      const line = heads[Math.floor(random.draw() * heads.length)] ?? '';
      heads.splice(Math.floor(random.draw() * heads.length), 0, line);
      text = heads.join('\r\n');
    }
  }
  return Buffer.from(text, 'latin1');
}

/** Answers what the core hands up as a user would, with whatever the seed says. */
function serve(harness: CoreHarness, outputs: readonly SipOutput[], random: Random): void {
  const statuses = [100, 180, 200, 404, 486];
  for (const output of outputs) {
    if (output.kind !== 'requestReceived') continue;
    const status = statuses[Math.floor(random.draw() * statuses.length)] ?? 200;
    harness.give({ kind: 'respond', txn: output.txn, response: ourResponse(status) });
    harness.give({ kind: 'respond', txn: output.txn, response: ourResponse(500) });
  }
}

test('mutated messages are handed up, refused or dropped, and leave nothing behind', () => {
  let bytesIn = 0;
  let bytesOut = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = seededRandom(seed);
    const harness = new CoreHarness({ seed });
    const ours = ['INVITE', 'INVITE', 'BYE'].map((method, i) =>
      sentBytes(
        harness.give({
          kind: 'request',
          txn: clientTxnId(i + 1),
          target: PEER,
          request: ourRequest(method),
        }),
      ),
    );
    const sources = [
      ...['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS'].map((method) => requestBytes(method)),
      requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours' }),
      ...ours.flatMap((sent) =>
        [100, 180, 200, 486].map((status) => responseBytes(sent, status, { toTag: 'a' })),
      ),
    ];
    for (let i = 0; i < MESSAGES; i += 1) {
      const source = sources[Math.floor(random.draw() * sources.length)] ?? Buffer.alloc(0);
      const bytes = mutated(source, random);
      const outputs = harness.receive(bytes, flowOf(random.draw() < 0.8 ? 'udp' : 'tcp'));
      bytesIn += bytes.length;
      for (const output of outputs) if (output.kind === 'send') bytesOut += output.bytes.length;
      const isAnswerless = bytes.toString('latin1').startsWith('ACK ');
      if (isAnswerless) {
        const sends = outputs.filter((output) => output.kind === 'send');
        assert.is(sends.length, 0, `seed ${seed} message ${i}: ${lines(outputs).join()}`);
      }
      serve(harness, outputs, random);
    }
    for (let i = 1; i <= 3; i += 1) {
      harness.give({ kind: 'cancel', txn: clientTxnId(i), headers: [] });
    }
    harness.runUntil(harness.nowMs + 200_000);
    assert.is(harness.core.stats().timers, 0, `seed ${seed}`);
  }
  assert.ok(bytesOut <= bytesIn, `${bytesOut} bytes out for ${bytesIn} in`);
});

test.run();
