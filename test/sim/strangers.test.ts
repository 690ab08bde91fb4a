// What strangers on the network can do to a whole node: nothing to anybody's call, and nothing to the room that all share.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../src/base/index.ts';
import { seededRandom } from '../../src/base/index.ts';
import { TWO_TRUNKS } from '../support/b2bua-driver.ts';
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

test.run();
