// The client side of the SIP core: Via, matching, ACK, CANCEL races, forks, failures.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId, monoMs } from '../../../src/base/index.ts';
import type { SendTarget } from '../../../src/base/index.ts';
import { parseCount } from '../../../src/sip/message/index.ts';
import type { SipOutput } from '../../../src/sip/types.ts';
import {
  CoreHarness,
  PEER,
  headLines,
  headerOf,
  lines,
  ourRequest,
  responseBytes,
  sentBytes,
} from './core-harness.ts';

const TXN = clientTxnId(1);
const TCP_PEER: SendTarget = { ...PEER, transport: 'tcp' };

function opened(method = 'INVITE', target = PEER, harness = new CoreHarness()) {
  const request = ourRequest(method, [['Route', '<sip:edge.example;lr>']]);
  const sent = sentBytes(harness.give({ kind: 'request', txn: TXN, target, request }));
  return { harness, sent };
}

function acknowledge(harness: CoreHarness, toTag: string): readonly SipOutput[] {
  const target: SendTarget = { transport: 'udp', host: '192.0.2.77', port: 5099 };
  const request = ourRequest('ACK');
  return harness.give({ kind: 'acknowledge', txn: TXN, toTag, target, request });
}

test('names the local point of the target’s transport and family in Via, with 96 random bits', () => {
  const cases: readonly (readonly [SendTarget, RegExp])[] = [
    [PEER, /^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bK[0-9a-f]{24};rport$/],
    [
      { transport: 'udp', host: '2001:db8::9', port: 5060 },
      /^SIP\/2\.0\/UDP \[2001:db8::1\]:5060;branch=z9hG4bK[0-9a-f]{24};rport$/,
    ],
    [TCP_PEER, /^SIP\/2\.0\/TCP 10\.0\.0\.1:5062;branch=z9hG4bK[0-9a-f]{24}$/],
  ];
  for (const [target, expected] of cases) {
    assert.match(headerOf(opened('OPTIONS', target).sent, 'Via') ?? '', expected);
  }
});

test('sends all messages of a transaction to one target object, which no other transaction has', () => {
  const harness = new CoreHarness();
  const ways = (outputs: readonly SipOutput[]): unknown[] =>
    outputs.flatMap((output) => (output.kind === 'send' ? [output.to] : []));
  const request = ourRequest('INVITE');
  const opening = harness.give({ kind: 'request', txn: TXN, target: PEER, request });
  const [way] = ways(opening);
  const invite = sentBytes(opening);
  const seen = [
    ...ways(harness.core.handleDeadline(monoMs(500))),
    ...ways(harness.receive(responseBytes(invite, 180, { toTag: 'x' }))),
    ...ways(harness.give({ kind: 'cancel', txn: TXN, headers: [] })),
    ...ways(harness.receive(responseBytes(invite, 487, { toTag: 'x' }))),
  ];
  assert.is(seen.length, 3);
  for (const other of seen) assert.is(other, way);
  const [second] = ways(
    harness.give({ kind: 'request', txn: clientTxnId(2), target: PEER, request }),
  );
  assert.is.not(second, way);
  assert.equal(second, way);
});

test('sends the ACK of a 2xx and its repeats to one target object, which is neither the user’s nor another ACK’s', () => {
  const { harness, sent } = opened();
  const wayOf = (outputs: readonly SipOutput[]): unknown =>
    outputs.find((output) => output.kind === 'send')?.to;
  const [first, second] = ['a', 'b'].map((toTag) => {
    const accepted = responseBytes(sent, 200, { toTag });
    harness.receive(accepted);
    const request = ourRequest('ACK');
    const way = wayOf(
      harness.give({ kind: 'acknowledge', txn: TXN, toTag, target: PEER, request }),
    );
    assert.equal(way, PEER);
    assert.is.not(way, PEER);
    assert.is(wayOf(harness.receive(accepted)), way);
    return way;
  });
  assert.is.not(first, second);
});

test('fails a request to a transport that we don’t listen on', () => {
  const harness = new CoreHarness();
  const target: SendTarget = { ...PEER, transport: 'tls' };
  const outputs = harness.give({
    kind: 'request',
    txn: TXN,
    target,
    request: ourRequest('INVITE'),
  });
  assert.equal(lines(outputs), ['requestFailed transport']);
});

test('fails a request when the table is full', () => {
  const { harness } = opened('INVITE', PEER, new CoreHarness({ transactionsMax: 1 }));
  const outputs = harness.give({
    kind: 'request',
    txn: clientTxnId(2),
    target: PEER,
    request: ourRequest('INVITE'),
  });
  assert.equal(lines(outputs), ['requestFailed transport']);
});

test('throws when the user breaks its promises', () => {
  const { harness } = opened();
  const again = { kind: 'request', txn: TXN, target: PEER, request: ourRequest('INVITE') } as const;
  assert.throws(() => harness.give(again), /exists already/);
  for (const method of ['ACK', 'CANCEL']) {
    const request = ourRequest(method);
    const input = { kind: 'request', txn: clientTxnId(9), target: PEER, request } as const;
    assert.throws(() => harness.give(input), /opens no client transaction/);
  }
  assert.equal(
    lines(
      harness.receive(
        responseBytes(sentBytes(harness.give({ ...again, txn: clientTxnId(3) })), 180, {
          toTag: 't',
        }),
      ),
    ),
    ['responseReceived 180 t'],
  );
});

test('reports timers B and F as timeout and leaves nothing behind', () => {
  for (const method of ['INVITE', 'OPTIONS']) {
    const { harness } = opened(method);
    const got = harness.runUntil(40_000);
    assert.is(got.at(-1), '32000 requestFailed timeout');
    assert.is(got.filter((line) => line.includes('requestFailed')).length, 1);
    assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  }
});

test('reports a send failure as transport, once', () => {
  for (const method of ['INVITE', 'OPTIONS']) {
    const { harness } = opened(method);
    assert.equal(lines(harness.give({ kind: 'sendFailed', txn: TXN })), [
      'requestFailed transport',
    ]);
    assert.equal(harness.give({ kind: 'sendFailed', txn: TXN }), []);
    assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  }
});

test('acknowledges a failure on the INVITE’s branch and route before handing it up', () => {
  const { harness, sent } = opened();
  const busy = responseBytes(sent, 486, { toTag: 'theirs' });
  const outputs = harness.receive(busy);
  assert.equal(lines(outputs), ['send ACK to 192.0.2.9:5060', 'responseReceived 486 theirs']);
  const ack = sentBytes(outputs);
  assert.is(headLines(ack)[0], 'ACK sip:carol@192.0.2.9 SIP/2.0');
  assert.is(headerOf(ack, 'Via'), headerOf(sent, 'Via'));
  assert.is(headerOf(ack, 'Route'), '<sip:edge.example;lr>');
  assert.is(headerOf(ack, 'From'), headerOf(sent, 'From'));
  assert.is(headerOf(ack, 'To'), '<sip:carol@192.0.2.9>;tag=theirs');
  assert.is(headerOf(ack, 'Call-ID'), 'our-call');
  assert.is(headerOf(ack, 'CSeq'), '7 ACK');
  assert.is(headerOf(ack, 'Max-Forwards'), '70');
  assert.is(headerOf(ack, 'Contact'), null);
  assert.is(headerOf(ack, 'Content-Length'), '0');
  const before = parseCount();
  const again = harness.receive(busy);
  assert.equal(lines(again), ['send ACK to 192.0.2.9:5060']);
  assert.equal(sentBytes(again), ack);
  assert.is(parseCount(), before);
  harness.runUntil(32_000);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('a 100 ends the repeats and is handed up: the next hop lives', () => {
  const { harness, sent } = opened();
  assert.equal(lines(harness.receive(responseBytes(sent, 100))), ['responseReceived 100 -']);
  assert.equal(harness.runUntil(500_000), []);
});

test('each 2xx is acknowledged by its fork’s own ACK, on a fresh branch, as often as it comes', () => {
  const { harness, sent } = opened();
  const first = responseBytes(sent, 200, { toTag: 'a' });
  assert.equal(lines(harness.receive(first)), ['responseReceived 200 a']);
  assert.equal(harness.receive(first), []);
  const ack = acknowledge(harness, 'a');
  assert.equal(lines(ack), ['send ACK to 192.0.2.77:5099']);
  assert.is.not(headerOf(sentBytes(ack), 'Via'), headerOf(sent, 'Via'));
  assert.equal(harness.receive(first), ack);
  const second = responseBytes(sent, 200, { toTag: 'b' });
  assert.equal(lines(harness.receive(second)), ['responseReceived 200 b']);
  const ackB = acknowledge(harness, 'b');
  assert.equal(harness.receive(second), ackB);
  assert.equal(harness.receive(first), ack);
  harness.runUntil(32_000);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  assert.equal(lines(harness.receive(first)), ['refused DIALOG_UNKNOWN']);
  assert.equal(lines(acknowledge(harness, 'a')), ['send ACK to 192.0.2.77:5099']);
});

test('an ACK that can’t be sent where its dialog leads goes elsewhere, and its repeats with it', () => {
  const { harness, sent } = opened();
  const first = responseBytes(sent, 200, { toTag: 'a' });
  harness.receive(first);
  const target: SendTarget = { transport: 'udp', host: 'nowhere.invalid', port: 5060 };
  const request = ourRequest('ACK');
  const ack = { kind: 'acknowledge', txn: TXN, toTag: 'a', request } as const;
  const tried = harness.give({ ...ack, target, orElse: TCP_PEER });
  assert.equal(lines(tried), ['send ACK to nowhere.invalid:5060']);
  const [send] = tried;
  if (send?.kind !== 'send' || send.txn === null) throw new Error('nobody is told when it fails');
  const again = harness.give({ kind: 'sendFailed', txn: send.txn });
  assert.equal(lines(again), ['send ACK to 192.0.2.9:5060']);
  assert.match(headerOf(sentBytes(again), 'Via') ?? '', /^SIP\/2\.0\/TCP 10\.0\.0\.1:5062/);
  assert.equal(harness.receive(first), again);
  assert.equal(harness.give({ kind: 'sendFailed', txn: send.txn }), []);
});

test('a CANCEL waits for a provisional and repeats like any non-INVITE', () => {
  const { harness, sent } = opened();
  const headers = [['Reason', 'SIP;cause=200']] as const;
  assert.equal(harness.give({ kind: 'cancel', txn: TXN, headers }), []);
  harness.nowMs = 100;
  const outputs = harness.receive(responseBytes(sent, 100));
  assert.equal(lines(outputs), ['responseReceived 100 -', 'send CANCEL to 192.0.2.9:5060']);
  const cancel = sentBytes(outputs.slice(1));
  assert.is(headLines(cancel)[0], 'CANCEL sip:carol@192.0.2.9 SIP/2.0');
  assert.is(headerOf(cancel, 'Via'), headerOf(sent, 'Via'));
  assert.is(headerOf(cancel, 'To'), headerOf(sent, 'To'));
  assert.is(headerOf(cancel, 'From'), headerOf(sent, 'From'));
  assert.is(headerOf(cancel, 'Route'), headerOf(sent, 'Route'));
  assert.is(headerOf(cancel, 'CSeq'), '7 CANCEL');
  assert.is(headerOf(cancel, 'Reason'), 'SIP;cause=200');
  assert.equal(harness.give({ kind: 'cancel', txn: TXN, headers }), []);
  assert.equal(harness.runUntil(700), ['600 send CANCEL to 192.0.2.9:5060']);
  assert.equal(harness.receive(responseBytes(cancel, 200, { toTag: 'c' })), []);
  const ended = harness.receive(responseBytes(sent, 487, { toTag: 'c' }));
  assert.equal(lines(ended), ['send ACK to 192.0.2.9:5060', 'responseReceived 487 c']);
  assert.equal(harness.runUntil(100_000), []);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('a cancelled INVITE without a final response ends as timeout after 64*T1', () => {
  const { harness, sent } = opened('INVITE', TCP_PEER);
  harness.receive(responseBytes(sent, 180, { toTag: 'a' }));
  harness.nowMs = 10_000;
  const cancel = harness.give({ kind: 'cancel', txn: TXN, headers: [] });
  assert.equal(lines(cancel), ['send CANCEL to 192.0.2.9:5060']);
  harness.receive(responseBytes(sentBytes(cancel), 200, { toTag: 'a' }));
  assert.equal(harness.runUntil(100_000), ['42000 requestFailed timeout']);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('a 2xx that crosses the CANCEL surfaces, and the user can acknowledge it', () => {
  const { harness, sent } = opened();
  harness.receive(responseBytes(sent, 180, { toTag: 'a' }));
  harness.give({ kind: 'cancel', txn: TXN, headers: [] });
  const late = harness.receive(responseBytes(sent, 200, { toTag: 'a' }));
  assert.equal(lines(late), ['responseReceived 200 a']);
  assert.equal(lines(acknowledge(harness, 'a')), ['send ACK to 192.0.2.77:5099']);
});

test('a CANCEL after the final response, or of an unknown or other request, sends nothing', () => {
  const { harness, sent } = opened();
  harness.receive(responseBytes(sent, 200, { toTag: 'a' }));
  assert.equal(harness.give({ kind: 'cancel', txn: TXN, headers: [] }), []);
  assert.equal(harness.give({ kind: 'cancel', txn: clientTxnId(77), headers: [] }), []);
  assert.equal(opened('BYE').harness.give({ kind: 'cancel', txn: TXN, headers: [] }), []);
});

test('stray responses are counted, never answered and end nothing', () => {
  const { harness, sent } = opened();
  const text = responseBytes(sent, 200, { toTag: 'a' }).toString();
  const via = `Via: ${headerOf(sent, 'Via') ?? ''}`;
  const strays = [
    text.replace(/branch=[^;\r]+/, 'branch=z9hG4bKguess'),
    text.replace(/;branch=[^;\r]+/, ''),
    text.replace('7 INVITE', '7 BYE'),
    text.replace(via, `${via}\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother`),
  ];
  for (const stray of strays) {
    const outputs = harness.receive(Buffer.from(stray));
    assert.is(outputs.length, 1, stray);
    assert.ok(outputs[0]?.kind === 'refused' && !outputs[0].answered, stray);
  }
  assert.equal(lines(harness.receive(Buffer.from(text))), ['responseReceived 200 a']);
});

test('a final response to a non-INVITE is handed up once', () => {
  const { harness, sent } = opened('BYE');
  const ok = responseBytes(sent, 200, { toTag: 'a' });
  assert.equal(lines(harness.receive(ok)), ['responseReceived 200 a']);
  assert.equal(harness.receive(ok), []);
  harness.runUntil(5_000);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  assert.equal(lines(harness.receive(ok)), ['refused DIALOG_UNKNOWN']);
});

test.run();
