// The server side of the SIP core: matching, automatic answers, ACK, CANCEL, merged requests,
// overload.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { monoMs, serverTxnId } from '../../../src/base/index.ts';
import { parseCount } from '../../../src/sip/message/index.ts';
import {
  CoreHarness,
  flowOf,
  headerOf,
  headLines,
  lineOf,
  lines,
  ourResponse,
  requestBytes,
  sentBytes,
  serverTxnOf,
} from './core-harness.ts';

const TIMES_T1_TO_T2 = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];

/** A core that got an INVITE and answered it. */
function answered(status: number, harness = new CoreHarness()) {
  const txn = serverTxnOf(harness.receive(requestBytes('INVITE')));
  const outputs = harness.give({ kind: 'respond', txn, response: ourResponse(status) });
  return { harness, txn, sent: sentBytes(outputs) };
}

test('hands a new INVITE up and answers 100 after 200 ms, with the Timestamp it came with', () => {
  const harness = new CoreHarness();
  const outputs = harness.receive(requestBytes('INVITE', { headers: ['Timestamp: 54.2'] }));
  assert.equal(lines(outputs), ['requestReceived INVITE']);
  assert.is(harness.core.nextDeadline, 200);
  const trying = sentBytes(harness.core.handleDeadline(monoMs(200)));
  assert.is(headLines(trying)[0], 'SIP/2.0 100 Trying');
  assert.is(headerOf(trying, 'Timestamp'), '54.2');
  assert.not.match(headerOf(trying, 'To') ?? '', /tag=/);
});

test('sends no 100 of its own when the user answered within 200 ms', () => {
  const { harness } = answered(180);
  assert.equal(harness.runUntil(300_000), []);
});

test('a repeated request ends in its transaction and is not parsed', () => {
  const harness = new CoreHarness();
  harness.receive(requestBytes('INVITE'));
  const before = parseCount();
  assert.equal(harness.receive(requestBytes('INVITE')), []);
  assert.equal(harness.runUntil(250), ['200 send 100 to 192.0.2.9:5060']);
  assert.equal(lines(harness.receive(requestBytes('INVITE'))), ['send 100 to 192.0.2.9:5060']);
  assert.is(parseCount(), before);
});

test('a stranger who is dismissed is answered once for each time he asks, under one tag, and nothing is kept', () => {
  const harness = new CoreHarness();
  const tags = [1, 2].map(() => {
    const received = harness.receive(requestBytes('INVITE'));
    assert.equal(lines(received), ['requestReceived INVITE']);
    const txn = serverTxnOf(received);
    const outputs = harness.give({ kind: 'dismiss', txn, response: ourResponse(403) });
    assert.equal(lines(outputs), ['send 403 to 192.0.2.9:5060']);
    assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
    return /tag=(.*)/.exec(headerOf(sentBytes(outputs), 'To') ?? '')?.[1] ?? '';
  });
  assert.is(tags[0], tags[1]);
  assert.is(harness.core.nextDeadline, null);
  // Its ACK is no surprise; one with another tag is.
  assert.equal(harness.receive(requestBytes('ACK', { toTag: tags[0] ?? '' })), []);
  assert.equal(lines(harness.receive(requestBytes('ACK', { toTag: 'other' }))), [
    'refused DIALOG_UNKNOWN',
  ]);
});

test('a non-INVITE gets its final answer again for each repeat until timer J', () => {
  const harness = new CoreHarness();
  const options = requestBytes('OPTIONS');
  const txn = serverTxnOf(harness.receive(options));
  harness.give({ kind: 'respond', txn, response: ourResponse(200) });
  assert.equal(lines(harness.receive(options)), ['send 200 to 192.0.2.9:5060']);
  assert.equal(harness.runUntil(31_990), []);
  assert.is(harness.core.stats().transactions, 1);
  harness.runUntil(32_000);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('a non-INVITE that the user leaves open gets 100 after 3.5 s and is given up after 64*T1', () => {
  const harness = new CoreHarness();
  const txn = serverTxnOf(harness.receive(requestBytes('OPTIONS')));
  assert.equal(harness.runUntil(100_000), ['3500 send 100 to 192.0.2.9:5060']);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  assert.equal(harness.give({ kind: 'respond', txn, response: ourResponse(200) }), []);
});

test('provisionals to a non-INVITE stay off the wire (RFC 4320)', () => {
  const harness = new CoreHarness();
  const txn = serverTxnOf(harness.receive(requestBytes('OPTIONS')));
  for (const status of [100, 180, 183]) {
    assert.equal(harness.give({ kind: 'respond', txn, response: ourResponse(status) }), []);
  }
});

test('transactions are told apart by branch, sent-by and method', () => {
  const harness = new CoreHarness();
  harness.receive(requestBytes('INVITE'));
  const others = [
    requestBytes('INVITE', { branch: 'z9hG4bKpeer2', callId: 'call-2' }),
    requestBytes('INVITE', { via: 'SIP/2.0/UDP 192.0.2.9:5070;rport', callId: 'call-3' }),
    requestBytes('OPTIONS', { callId: 'call-4' }),
  ];
  for (const bytes of others)
    assert.match(lines(harness.receive(bytes))[0] ?? '', /^requestReceived/);
});

test('repeats a failure by timer G until its ACK, which is not parsed and goes no further', () => {
  const { harness } = answered(486);
  assert.equal(harness.runUntil(1_600), [
    '500 send 486 to 192.0.2.9:5060',
    '1500 send 486 to 192.0.2.9:5060',
  ]);
  const before = parseCount();
  const ack = requestBytes('ACK', { toTag: 'ours' });
  assert.equal(harness.receive(ack), []);
  assert.equal(harness.receive(ack), []);
  assert.is(parseCount(), before);
  assert.equal(harness.runUntil(100_000), []);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

for (const transport of ['udp', 'tcp'] as const) {
  test(`repeats a 2xx over ${transport} until 64*T1 and then reports the missing ACK`, () => {
    const harness = new CoreHarness();
    const outputs = harness.receive(requestBytes('INVITE'), flowOf(transport));
    const txn = serverTxnOf(outputs);
    harness.give({ kind: 'respond', txn, response: ourResponse(200) });
    const repeats = TIMES_T1_TO_T2.map((ms) => `${ms} send 200 to 192.0.2.9:5060`);
    assert.equal(harness.runUntil(100_000), [...repeats, '32000 ackMissing']);
    assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
  });
}

test('the ACK of a 2xx is found by Call-ID, tags and CSeq, and once taken ends the repeats', () => {
  const { harness, txn } = answered(200);
  const ack = requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours', body: 'v=0\r\n' });
  const outputs = harness.receive(ack);
  const [output] = outputs;
  assert.is(outputs.length, 1);
  if (output?.kind !== 'ackReceived') throw new Error(`got ${lines(outputs).join()}`);
  assert.is(output.txn, txn);
  assert.is(output.request.body.toString(), 'v=0\r\n');
  assert.equal(harness.give({ kind: 'ackTaken', txn }), []);
  const before = parseCount();
  assert.equal(harness.receive(ack), []);
  assert.equal(harness.receive(requestBytes('ACK', { branch: 'z9hG4bKx', toTag: 'ours' })), []);
  assert.is(parseCount(), before);
  assert.equal(harness.receive(requestBytes('INVITE')), []);
  assert.equal(harness.runUntil(100_000), []);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('an ACK that is not taken says where it came from and leaves the 2xx to be repeated', () => {
  const { harness, txn } = answered(200);
  const ack = requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours' });
  const flow = { ...flowOf('udp'), remote: { host: '198.51.100.66', port: 5060 } };
  const [forged] = harness.receive(ack, flow);
  if (forged?.kind !== 'ackReceived') throw new Error('the ACK was not handed up');
  assert.equal([forged.txn, forged.flow], [txn, flow]);
  assert.equal(harness.runUntil(500), ['500 send 200 to 192.0.2.9:5060']);
  assert.equal(lines(harness.receive(ack)), ['ackReceived 1']);
  harness.give({ kind: 'ackTaken', txn });
  assert.equal(harness.runUntil(100_000), []);
  assert.equal(harness.core.stats(), { transactions: 0, timers: 0 });
});

test('taking the ACK of a transaction that is gone, or of another kind, does nothing', () => {
  const harness = new CoreHarness();
  const txn = serverTxnOf(harness.receive(requestBytes('OPTIONS')));
  for (const id of [txn, serverTxnId(99)]) {
    assert.equal(harness.give({ kind: 'ackTaken', txn: id }), []);
  }
});

test('an ACK of a 2xx that reuses the branch of its INVITE is accepted all the same', () => {
  const { harness } = answered(200);
  assert.equal(lines(harness.receive(requestBytes('ACK', { toTag: 'ours' }))), ['ackReceived 1']);
});

test('the ACK of a re-INVITE is found by the tag the peer put into To', () => {
  const harness = new CoreHarness();
  const reInvite = requestBytes('INVITE', { toTag: 'earlier', cseq: 5 });
  const txn = serverTxnOf(harness.receive(reInvite));
  harness.give({ kind: 'respond', txn, response: { ...ourResponse(200), toTag: 'ignored' } });
  const ack = requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'earlier', cseq: 5 });
  assert.equal(lines(harness.receive(ack)), ['ackReceived 5']);
});

test('stray ACKs are counted and never answered', () => {
  const { harness } = answered(200);
  const strays = [
    requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'other' }),
    requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours', fromTag: 'other' }),
    requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours', callId: 'other' }),
    requestBytes('ACK', { branch: 'z9hG4bKack', toTag: 'ours', cseq: 2 }),
    requestBytes('ACK', { branch: 'z9hG4bKack' }),
  ];
  for (const ack of strays) assert.equal(lines(harness.receive(ack)), ['refused DIALOG_UNKNOWN']);
});

test('a CANCEL is answered 200 and reported once with its Reasons; the user answers 487', () => {
  const harness = new CoreHarness();
  const txn = serverTxnOf(harness.receive(requestBytes('INVITE')));
  harness.give({ kind: 'respond', txn, response: ourResponse(180) });
  const headers = ['Reason: Q.850;cause=16', 'Reason: SIP;cause=200'];
  const cancel = requestBytes('CANCEL', { headers });
  const outputs = harness.receive(cancel);
  const reported = 'cancelled Q.850;cause=16, SIP;cause=200';
  assert.equal(lines(outputs), ['send 200 to 192.0.2.9:5060', reported]);
  assert.match(headerOf(sentBytes(outputs), 'To') ?? '', /;tag=ours$/);
  assert.is(headerOf(sentBytes(outputs), 'CSeq'), '1 CANCEL');
  assert.equal(lines(harness.receive(cancel)), ['send 200 to 192.0.2.9:5060']);
  const final = harness.give({ kind: 'respond', txn, response: ourResponse(487) });
  assert.equal(lines(final), ['send 487 to 192.0.2.9:5060']);
  assert.equal(harness.receive(requestBytes('ACK', { toTag: 'ours' })), []);
});

test('a CANCEL from another address than its INVITE is told 481 and cancels nothing', () => {
  const harness = new CoreHarness();
  harness.receive(requestBytes('INVITE'));
  const elsewhere = { ...flowOf('udp'), remote: { host: '198.51.100.66', port: 5060 } };
  assert.equal(lines(harness.receive(requestBytes('CANCEL'), elsewhere)), [
    'send 481 to 198.51.100.66:5060',
    'refused DIALOG_UNKNOWN answered',
  ]);
  const otherPort = harness.receive(requestBytes('CANCEL'), flowOf('udp', 40_000));
  assert.equal(lines(otherPort), ['send 200 to 192.0.2.9:40000', 'cancelled']);
});

test('a CANCEL after the final response is answered 200 and changes nothing', () => {
  for (const status of [200, 486]) {
    const { harness } = answered(status);
    assert.equal(lines(harness.receive(requestBytes('CANCEL'))), ['send 200 to 192.0.2.9:5060']);
  }
});

test('a CANCEL without its INVITE is answered 481, with the same tag each time', () => {
  const harness = new CoreHarness();
  const cancel = requestBytes('CANCEL');
  const first = harness.receive(cancel);
  assert.equal(lines(first), ['send 481 to 192.0.2.9:5060', 'refused DIALOG_UNKNOWN answered']);
  assert.equal(harness.receive(cancel), first);
  assert.is(harness.core.stats().transactions, 0);
  const elsewhere = new CoreHarness({ seed: 2 }).receive(cancel);
  assert.is.not(headerOf(sentBytes(elsewhere), 'To'), headerOf(sentBytes(first), 'To'));
});

test('a request that comes by a second way gets 482 while the first is served (§8.2.2.2)', () => {
  const harness = new CoreHarness();
  harness.receive(requestBytes('INVITE'));
  const merged = requestBytes('INVITE', { branch: 'z9hG4bKsecond' });
  assert.equal(lines(harness.receive(merged)), [
    'send 482 to 192.0.2.9:5060',
    'refused LOOP_DETECTED answered',
  ]);
  assert.equal(harness.receive(merged), harness.receive(merged));
  const next = requestBytes('INVITE', { branch: 'z9hG4bKsecond', cseq: 2 });
  assert.equal(lines(harness.receive(next)), ['requestReceived INVITE']);
});

test('the same CSeq is new again once the first transaction has ended', () => {
  const { harness } = answered(486);
  harness.runUntil(32_000);
  const again = requestBytes('INVITE', { branch: 'z9hG4bKsecond' });
  assert.equal(lines(harness.receive(again)), ['requestReceived INVITE']);
});

test('a request inside a dialog is not taken for merged', () => {
  const harness = new CoreHarness();
  harness.receive(requestBytes('INVITE', { toTag: 'ours' }));
  const second = requestBytes('INVITE', { toTag: 'ours', branch: 'z9hG4bKsecond' });
  assert.equal(lines(harness.receive(second)), ['requestReceived INVITE']);
});

test('answers go where RFC 3261 §18.2.2 and RFC 3581 say', () => {
  const cases: readonly (readonly [string, ReturnType<typeof flowOf>, string])[] = [
    ['SIP/2.0/UDP 192.0.2.9:5070;rport', flowOf('udp', 40_000), '192.0.2.9:40000'],
    ['SIP/2.0/UDP 192.0.2.9:5070', flowOf('udp', 40_000), '192.0.2.9:5070'],
    ['SIP/2.0/UDP 10.9.9.9', flowOf('udp', 40_000), '192.0.2.9:5060'],
    ['SIP/2.0/UDP 192.0.2.9;maddr=203.0.113.1', flowOf('udp', 5060), '192.0.2.9:5060'],
    ['SIP/2.0/UDP 192.0.2.9:0', flowOf('udp', 40_000), '192.0.2.9:40000'],
    ['SIP/2.0/TCP 192.0.2.9:5070', flowOf('tcp', 40_000), '192.0.2.9:40000'],
  ];
  for (const [via, flow, expected] of cases) {
    const harness = new CoreHarness();
    const txn = serverTxnOf(harness.receive(requestBytes('OPTIONS', { via }), flow));
    const outputs = harness.give({ kind: 'respond', txn, response: ourResponse(200) });
    assert.equal(lines(outputs), [`send 200 to ${expected}`], via);
  }
});

test('what the guard rejects is answered without a transaction; ACKs and responses never are', () => {
  const harness = new CoreHarness();
  const broken = requestBytes('OPTIONS', { cseqMethod: 'INVITE' });
  assert.equal(lines(harness.receive(broken)), [
    'send 400 to 192.0.2.9:5060',
    'refused MESSAGE_MALFORMED answered',
  ]);
  const version = Buffer.from(
    requestBytes('OPTIONS').toString().replace('SIP/2.0\r\n', 'SIP/7.0\r\n'),
  );
  assert.match(lines(harness.receive(version))[0] ?? '', /^send 505/);
  const silent = [
    requestBytes('ACK', { cseqMethod: 'INVITE' }),
    Buffer.from('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\n\r\n'),
    Buffer.from('hello'),
    Buffer.alloc(0),
  ];
  for (const bytes of silent) {
    const outputs = harness.receive(bytes);
    assert.ok(
      outputs.every((output) => lineOf(output).startsWith('refused')),
      lines(outputs).join(),
    );
    assert.ok(outputs.every((output) => output.kind === 'refused' && !output.answered));
  }
  assert.is(harness.core.stats().transactions, 0);
});

test('a datagram from port 0 is refused in silence: no answer could reach it', () => {
  const outputs = new CoreHarness().receive(requestBytes('OPTIONS'), flowOf('udp', 0));
  assert.equal(lines(outputs), ['refused MESSAGE_MALFORMED']);
});

test('a nearly full table refuses new calls by 503 with Retry-After and still takes dialogs', () => {
  const harness = new CoreHarness({ transactionsMax: 8 });
  const arrive = (i: number, toTag?: string) => {
    const tag = toTag === undefined ? {} : { toTag };
    return harness.receive(
      requestBytes('OPTIONS', { branch: `z9hG4bK-${i}`, callId: `call-${i}`, ...tag }),
    );
  };
  for (let i = 0; i < 7; i += 1) assert.equal(lines(arrive(i)), ['requestReceived OPTIONS']);
  const before = parseCount();
  const refused = arrive(7);
  assert.equal(lines(refused), [
    'send 503 to 192.0.2.9:5060',
    'refused TRANSACTION_LIMIT_REACHED answered',
  ]);
  assert.match(headerOf(sentBytes(refused), 'Retry-After') ?? '', /^[1-4]$/);
  assert.is(parseCount(), before);
  assert.equal(lines(arrive(8, 'ours')), ['requestReceived OPTIONS']);
  assert.match(lines(arrive(9, 'ours'))[0] ?? '', /^send 503/);
  assert.is(harness.core.stats().transactions, 8);
  harness.runUntil(32_000);
  assert.equal(lines(arrive(10)), ['requestReceived OPTIONS']);
});

test('a peer without the magic cookie is matched by what RFC 2543 keeps equal', () => {
  for (const branch of [null, 'old']) {
    const harness = new CoreHarness();
    const via = 'SIP/2.0/UDP 192.0.2.9:5060';
    const txn = serverTxnOf(harness.receive(requestBytes('INVITE', { via, branch })));
    assert.equal(harness.receive(requestBytes('INVITE', { via, branch })), []);
    const other = requestBytes('INVITE', { via, branch, cseq: 2 });
    assert.equal(lines(harness.receive(other)), ['requestReceived INVITE']);
    assert.equal(lines(harness.receive(requestBytes('CANCEL', { via, branch }))), [
      'send 200 to 192.0.2.9:5060',
      'cancelled',
    ]);
    harness.give({ kind: 'respond', txn, response: ourResponse(487) });
    assert.equal(harness.receive(requestBytes('ACK', { via, branch, toTag: 'ours' })), []);
  }
});

test('a response to a transaction that is answered or unknown does nothing', () => {
  const { harness, txn } = answered(486);
  assert.equal(harness.give({ kind: 'respond', txn, response: ourResponse(200) }), []);
  assert.equal(
    harness.give({ kind: 'respond', txn: serverTxnId(99), response: ourResponse(200) }),
    [],
  );
});

test('the answers carry received and rport and the request’s own headers', () => {
  const harness = new CoreHarness();
  const txn = serverTxnOf(
    harness.receive(
      requestBytes('INVITE', { via: 'SIP/2.0/UDP 10.9.9.9:5060;rport' }),
      flowOf('udp', 40_000),
    ),
  );
  const sent = sentBytes(harness.give({ kind: 'respond', txn, response: ourResponse(180) }));
  const via = headerOf(sent, 'Via') ?? '';
  assert.match(via, /received=192\.0\.2\.9/);
  assert.match(via, /rport=40000/);
  assert.match(via, /branch=z9hG4bKpeer1/);
  assert.is(headerOf(sent, 'Call-ID'), 'call-1');
  assert.is(headerOf(sent, 'To'), '<sip:bob@10.0.0.1>;tag=ours');
});

test.run();
