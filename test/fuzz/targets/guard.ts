// Guard and adapter: no two readers of one message differ, what is answered can be answered, and answers are sound.
import {
  indexMessage,
  keepAnswerHead,
  parseMessage,
  writeResponse,
} from '../../../src/sip/message/index.ts';
import type { MessageIndex } from '../../../src/sip/message/index.ts';
import { SIP_FRAGMENTS } from './sip-fragments.ts';
import { expectProperty } from './target.ts';
import type { FuzzTarget } from './target.ts';

const SOURCE = { host: '198.51.100.7', port: 40_000 };

/** What must be the same by whatever way a message is read. */
function facts(index: MessageIndex): string {
  const line =
    index.startLine.kind === 'request' ? index.startLine.uri : String(index.startLine.status);
  return JSON.stringify([
    line,
    index.method,
    index.callId,
    index.cseq,
    index.fromTag,
    index.toTag,
    index.topVia,
    index.maxForwards,
    index.body.length,
    index.allHeaders(),
  ]);
}

function checkParsed(index: MessageIndex): void {
  const parsed = parseMessage(index);
  if (!parsed.ok) {
    // The guard's own reading of these was good, so the package may not differ; only a URI may still be refused.
    expectProperty(
      !parsed.error.message.includes('two readings'),
      `index and package agree: ${parsed.error.message}`,
    );
    return;
  }
  const message = parsed.value;
  const method = message.kind === 'request' ? message.method : message.cseq.method;
  expectProperty(method === index.method, 'method');
  expectProperty(message.callId === index.callId, 'Call-ID');
  expectProperty(message.cseq.number === index.cseq.number, 'CSeq');
  expectProperty(message.from.tag === index.fromTag && message.to.tag === index.toTag, 'tags');
  expectProperty((message.vias[0]?.branch ?? null) === index.topVia.branch, 'branch');
  expectProperty(message.vias[0]?.host === index.topVia.host, 'sent-by');
  expectProperty(message.body.length === index.body.length, 'body length');
  expectProperty(
    message.vias.length <= 70 && message.contacts.length >= 0 && message.routes.length >= 0,
    'lists',
  );
}

/** The canonical text read again gives the same facts: a second look never sees another message. */
function checkCanonical(index: MessageIndex): void {
  const again = indexMessage(
    Buffer.concat([Buffer.from(`${index.text}\r\n`, 'latin1'), index.body]),
    'ws',
  );
  // Expanded names and joined folds may pass the size limits that the message as it came did not reach.
  if (again.verdict !== 'ok') {
    expectProperty(
      again.verdict === 'reject' && /longer than|More than/.test(again.error.message),
      `canonical text is good: ${again.error.message}`,
    );
    return;
  }
  expectProperty(facts(again.index) === facts(index), 'canonical text reads the same');
}

function checkAnswer(index: MessageIndex): void {
  const response = { status: 400, reason: null, toTag: 'fz', headers: [], body: null };
  const bytes = writeResponse(index, response, SOURCE);
  const same = writeResponse(keepAnswerHead(index), response, SOURCE);
  expectProperty(bytes.equals(same), 'the kept head answers like the index');
  const text = bytes.toString('latin1');
  expectProperty(
    text.indexOf('\r\n\r\n') === text.length - 4,
    'an answer is one head without a body',
  );
  expectProperty(text.endsWith('\r\nContent-Length: 0\r\n\r\n'), 'an answer ends with its length');
}

export const guard: FuzzTarget = {
  seedFolders: [
    'test/golden/sip/rfc4475',
    'test/golden/sip/rfc5118',
    'test/golden/sip/attacks',
    'test/golden/sip/smuggling',
    'test/fuzz/corpus/guard',
  ],
  fragments: SIP_FRAGMENTS,
  separator: '\r\n',
  run(input, draw) {
    const transport = draw() < 0.7 ? 'udp' : 'tcp';
    const result = indexMessage(input, transport);
    if (result.verdict === 'drop') return;
    const { index } = result;
    expectProperty(
      !/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/.test(
        index.text.slice(index.text.indexOf('\r\n')),
      ),
      'no control character in headers',
    );
    checkAnswer(index);
    if (result.verdict === 'reject') {
      expectProperty(
        index.isRequest && index.method !== 'ACK',
        'only requests but ACK are answered',
      );
      return;
    }
    checkParsed(index);
    checkCanonical(index);
  },
};
