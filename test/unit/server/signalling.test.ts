// The pump between the SIP core and the B2BUA: facts go out before the messages that depend on them, all in order.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { indexMessage } from '../../../src/sip/index.ts';
import type { HostPort } from '../../../src/base/index.ts';
import { seededRandom } from '../../../src/base/index.ts';
import { SimClock } from '../../sim/clock.ts';
import type { Parcel } from '../../sim/network.ts';
import { SimNetwork } from '../../sim/network.ts';
import { SimNode } from '../../sim/node.ts';
import { TWO_TRUNKS } from '../../support/b2bua-driver.ts';

const NODE = { host: '192.0.2.1', port: 5060 };
const ALICE = { host: '192.0.2.10', port: 5060 };
const GATEWAY = { host: '192.0.2.20', port: 5060 };

/** Everything that leaves the node: facts by kind, messages by their first word. */
function aNode(): {
  readonly clock: SimClock;
  readonly node: SimNode;
  readonly network: SimNetwork;
  readonly seen: string[];
} {
  const clock = new SimClock();
  const random = seededRandom(3);
  const plan = { loss: 0, duplicate: 0, delayMsMin: 1, delayMsMax: 1 };
  const network = new SimNetwork(clock, random, plan);
  const seen: string[] = [];
  const node = new SimNode({
    clock,
    network,
    random,
    address: NODE,
    yaml: TWO_TRUNKS,
    engineDelayMs: 1,
  });
  node.onFacts = (events) => seen.push(`facts ${events.map(({ kind }) => kind).join(' ')}`);
  network.taps.push(({ from, to, bytes }) => {
    if (from.host !== NODE.host) return;
    const guarded = indexMessage(bytes, 'udp');
    if (guarded.verdict === 'ok') seen.push(`${startOf(bytes)} to ${to.host}`);
  });
  return { clock, node, network, seen };
}

const startOf = (bytes: Buffer): string => {
  const [first = ''] = bytes.toString('latin1').split('\r\n', 1);
  return first.startsWith('SIP/2.0') ? first.slice(8, 11) : (first.split(' ', 1)[0] ?? '');
};

const udp = (from: HostPort, to: HostPort, bytes: Buffer): Parcel => ({
  transport: 'udp',
  from,
  to,
  bytes,
});

const SDP =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';

/** The caller's BYE in the dialog that our answer `text` made. */
function byeAfter(text: string): Buffer {
  const to = /^To: .*$/m.exec(text)?.[0] ?? '';
  const lines = [
    'BYE sip:192.0.2.1 SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKbye;rport',
    'Max-Forwards: 70',
    'From: <sip:alice@192.0.2.10>;tag=a',
    to,
    'Call-ID: pump',
    'CSeq: 2 BYE',
    'Content-Length: 0',
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

function invite(number: string): Buffer {
  const lines = [
    `INVITE sip:${number}@192.0.2.1 SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKpump;rport',
    'Max-Forwards: 70',
    'From: <sip:alice@192.0.2.10>;tag=a',
    `To: <sip:${number}@192.0.2.1>`,
    'Call-ID: pump',
    'CSeq: 1 INVITE',
    'Contact: <sip:alice@192.0.2.10>',
    'Content-Type: application/sdp',
    `Content-Length: ${SDP.length}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${SDP}`);
}

test('writes both legs’ starts before the INVITE that asks the gateway', () => {
  const { clock, network, seen } = aNode();
  network.send(udp(ALICE, NODE, invite('441632960000')));
  clock.runUntil(100);
  assert.equal(seen, ['facts leg.started', 'facts leg.started', 'INVITE to 192.0.2.20']);
});

test('writes a refused call’s record, in one piece, before the refusal', () => {
  const { clock, network, seen } = aNode();
  network.send(udp(ALICE, NODE, invite('339999')));
  clock.runUntil(100);
  assert.equal(seen, ['facts leg.started leg.ended', '404 to 192.0.2.10']);
});

test('holds back the INVITE of a leg whose start can’t be written, and refuses its call and those that come', () => {
  const { clock, node, network, seen } = aNode();
  // The caller's leg is written; the gateway's meets the full disk.
  node.onFacts = (events) => {
    seen.push(`facts ${events.map(({ kind }) => kind).join(' ')}`);
    node.storeWrites = node.facts.length < 2;
  };
  network.send(udp(ALICE, NODE, invite('441632960000')));
  clock.runUntil(150);
  assert.equal(seen.slice(0, 3), ['facts leg.started', 'facts leg.started', '503 to 192.0.2.10']);
  assert.not.ok(seen.includes('INVITE to 192.0.2.20'));
  assert.equal(node.rejections, ['STORE_UNAVAILABLE']);
  clock.runUntil(40_000);
  assert.equal(
    node.facts.flatMap((fact) => (fact.kind === 'leg.ended' ? [fact.leg.cause] : [])),
    ['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE'],
  );
  const { callCount, held } = node.b2bua;
  assert.equal({ callCount, txns: held.txns }, { callCount: 0, txns: 0 });
  node.onFacts = null;
  network.send(udp(ALICE, NODE, invite('441632960001')));
  clock.runUntil(40_100);
  assert.is(node.rejections.length, 2, 'the next is refused before it becomes a call');
  node.storeWrites = true;
  node.command({ kind: 'storeHealth', available: true });
});

test('refuses a call that has asked nobody yet when the store stops writing', () => {
  const { clock, node, network, seen } = aNode();
  node.storeWrites = false;
  network.send(udp(ALICE, NODE, invite('441632960000')));
  clock.runUntil(150);
  assert.not.ok(seen.includes('INVITE to 192.0.2.20'));
  assert.equal(node.rejections, ['STORE_UNAVAILABLE']);
});

test('repeats a 200 until the caller hangs up without ever acknowledging it, and no longer', () => {
  const { clock, node, network, seen } = aNode();
  let answer = '';
  network.attach(ALICE, (from, bytes) => {
    answer = bytes.toString('latin1');
  });
  network.send(udp(ALICE, NODE, invite('0800')));
  clock.runUntil(700);
  network.send(udp(ALICE, NODE, byeAfter(answer)));
  clock.runUntil(60_000);
  assert.equal(
    seen.filter((entry) => !entry.startsWith('facts')),
    ['200 to 192.0.2.10', '200 to 192.0.2.10', '200 to 192.0.2.10'],
    'the answer, its repeat after T1, and the BYE’s',
  );
  assert.is(node.b2bua.callCount, 0);
});

test('its next deadline is the earliest of its cores, and a tick serves them all', () => {
  const { clock, node, network, seen } = aNode();
  network.send(udp(ALICE, NODE, invite('441632960000')));
  clock.runUntil(150);
  const due = node.signalling.nextDeadline;
  assert.ok(due !== null && due > 150 && due <= 221, String(due));
  clock.runUntil(5_000);
  assert.ok(seen.includes('100 to 192.0.2.10'), 'the core’s timer');
  assert.ok(seen.includes('INVITE to 192.0.2.21'), 'the B2BUA’s timer');
});

test('tells of a gateway that comes back although no call is up', () => {
  const { clock, node, network } = aNode();
  network.attach(GATEWAY, (from, bytes) => {
    if (!bytes.toString('latin1').startsWith('INVITE')) return;
    const head = bytes
      .toString('latin1')
      .split('\r\n')
      .filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line));
    const lines = ['SIP/2.0 503 Busy', ...head, 'Retry-After: 7', 'Content-Length: 0'];
    network.send(
      udp(
        GATEWAY,
        from,
        Buffer.from(`${lines.join('\r\n').replace(/^(To: .*)$/m, '$1;tag=g')}\r\n\r\n`),
      ),
    );
  });
  network.send(udp(ALICE, NODE, invite('441632960000')));
  clock.runUntil(1_000);
  const gateway = 'out/udp:192.0.2.20:5060';
  assert.equal(node.gatewayNews, [{ kind: 'gatewayResting', gateway, restMs: 7_000 }]);
  clock.runUntil(10_000);
  assert.equal(node.gatewayNews.at(-1), { kind: 'gatewayUp', gateway, onTrial: true });
});

test.run();
