// What strangers on the network can do to a whole node: nothing to anybody's call, and nothing to the room that all share.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../src/base/index.ts';
import { seededRandom } from '../../src/base/index.ts';
import { TWO_TRUNKS } from '../support/b2bua-driver.ts';
import { sdpOf } from '../support/sip-messages.ts';
import { SimClock } from './clock.ts';
import { SimNetwork } from './network.ts';
import { SimNode } from './node.ts';

const NODE = { host: '192.0.2.1', port: 5060 };
const CARRIER = { host: '192.0.2.10', port: 5060 };
const DIGEST_TRUNK =
  '  - { name: pbx, auth: { username: pbx-user, password: pbx-pass }, gateways: [] }\nroutes:';

/** A node that knows a digest trunk too, and a network on which anybody can send from any address. */
class Scene {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly node: SimNode;

  constructor({ transactionsMax }: { readonly transactionsMax: number }) {
    const random = seededRandom(5);
    const plan = { loss: 0, duplicate: 0, delayMsMin: 1, delayMsMax: 1 };
    this.network = new SimNetwork(this.clock, random, plan);
    this.node = new SimNode({
      clock: this.clock,
      network: this.network,
      random,
      address: NODE,
      yaml: TWO_TRUNKS.replace('routes:', DIGEST_TRUNK),
      engineDelayMs: 1,
      transactionsMax,
    });
  }

  /** What the node says to this host from now on, start lines only. */
  heardAt(host: string): string[] {
    const heard: string[] = [];
    this.network.taps.push(({ from, to, bytes }) => {
      if (from.host !== NODE.host || to.host !== host) return;
      heard.push(bytes.toString('latin1').split('\r\n', 1)[0] ?? '');
    });
    return heard;
  }

  send(from: HostPort, lines: readonly string[], body = ''): void {
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const text = [...lines, ...type, `Content-Length: ${body.length}`, '', body].join('\r\n');
    const bytes = Buffer.from(text, 'latin1');
    this.network.send({ transport: 'udp', from, to: NODE, bytes });
    this.clock.runUntil(this.clock.mono + 10);
  }
}

function outside(method: string, serial: number, host: string): readonly string[] {
  return [
    `${method} sip:441632960000@192.0.2.1 SIP/2.0`,
    `Via: SIP/2.0/UDP ${host}:5060;branch=z9hG4bKoutside${serial};rport`,
    'Max-Forwards: 70',
    `From: <sip:x@${host}>;tag=from${serial}`,
    'To: <sip:441632960000@192.0.2.1>',
    `Call-ID: outside-${serial}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:x@${host}:5060>`,
  ];
}

test('no number of requests from strangers takes the room of a trunk’s calls', () => {
  const scene = new Scene({ transactionsMax: 16 });
  for (const [serial, method] of Array.from(
    { length: 90 },
    (_, at) => ['OPTIONS', 'REGISTER', 'BYE'][at % 3] ?? '',
  ).entries()) {
    scene.send(
      { host: `198.51.100.${serial}`, port: 5060 },
      outside(method, serial, '198.51.100.1'),
    );
  }
  assert.is(scene.node.sip.stats().transactions, 0);
  const heard = scene.heardAt(CARRIER.host);
  scene.send(CARRIER, outside('INVITE', 1_000, CARRIER.host));
  scene.clock.runUntil(scene.clock.mono + 300);
  assert.equal(heard, ['SIP/2.0 100 Trying']);
});

const STRANGER = { host: '198.51.100.66', port: 5060 };

/** A request of the carrier's first INVITE's dialog, or its CANCEL, as the carrier itself would write it. */
function asTheCarrier(
  method: string,
  parts: { readonly branch: string; readonly toTag: string },
): string[] {
  const tag = parts.toTag === '' ? '' : `;tag=${parts.toTag}`;
  const written = outside(method, 1, CARRIER.host).map((line) =>
    line.startsWith('To:') ? `${line}${tag}` : line.replace('z9hG4bKoutside1', parts.branch),
  );
  return written;
}

test('whoever has read a call’s INVITE and 200 can’t acknowledge it with media of his own', () => {
  const scene = new Scene({ transactionsMax: 100 });
  const heard = scene.heardAt(CARRIER.host);
  const toEcho = outside('INVITE', 1, CARRIER.host).map((line) =>
    line.replace('441632960000', '08001'),
  );
  const tags: string[] = [];
  scene.network.taps.push(({ bytes }) => {
    const found = /^To: .*;tag=(.+)\r$/m.exec(bytes.toString('latin1'))?.[1];
    if (found !== undefined) tags.push(found);
  });
  scene.send(CARRIER, toEcho);
  assert.equal(heard, ['SIP/2.0 200 OK']);
  const ack = asTheCarrier('ACK', { branch: 'z9hG4bKack', toTag: tags.at(-1) ?? '' });
  scene.send(STRANGER, ack, sdpOf({ host: STRANGER.host, port: 6_000 }));
  assert.equal(remoteHosts(scene), []);
  scene.clock.runUntil(600);
  assert.equal(heard, ['SIP/2.0 200 OK', 'SIP/2.0 200 OK']);
  scene.send(CARRIER, ack, sdpOf());
  scene.clock.runUntil(5_000);
  assert.equal(heard.length, 2);
  assert.equal(remoteHosts(scene), [CARRIER.host]);
});

test('whoever has read a call’s INVITE can’t cancel it', () => {
  const scene = new Scene({ transactionsMax: 100 });
  scene.send(CARRIER, outside('INVITE', 1, CARRIER.host), sdpOf());
  const heard = scene.heardAt(CARRIER.host);
  const told = scene.heardAt(STRANGER.host);
  const cancel = asTheCarrier('CANCEL', { branch: 'z9hG4bKoutside1', toTag: '' });
  scene.send(STRANGER, cancel);
  assert.equal(told, ['SIP/2.0 481 Call/Transaction Does Not Exist']);
  assert.is(scene.node.b2bua.callCount, 1);
  assert.equal(heard, []);
  scene.send(CARRIER, cancel);
  assert.equal(heard, ['SIP/2.0 200 OK', 'SIP/2.0 487 Request Terminated']);
});

/** Whose media the endpoints were told to send to. */
function remoteHosts(scene: Scene): readonly string[] {
  return scene.node.engine.orders.flatMap((order) =>
    order.kind === 'updateEndpoint' && order.remoteRtp !== null ? [order.remoteRtp.host] : [],
  );
}

test.run();
