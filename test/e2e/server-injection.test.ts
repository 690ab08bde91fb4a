// limit: 120s
// again: kernel-path
// A stranger who knows our ports and sends into a call, on real sockets through the whole engine.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ADDRESSES, until } from '../support/loopback.ts';
import { CALLED, calleeTrunk, CALLER_TRUNK } from '../support/parties.ts';
import { withHouse } from './server-harness.ts';
import type { Phone, Place } from './server-phone.ts';
import { rtpPacket, ssrcOf, Wire } from './server-phone.ts';

const INJECTED = 1000;
const CALLER_SSRC = 0x0a0a0a0a;
const CALLEE_SSRC = 0x0b0b0b0b;
const STRANGER_SSRC = 0x0e0e0e0e;

/** Sends genuine packets until one comes out at the far end: whatever was queued before it has been judged by then. */
async function passThrough(
  from: Phone,
  { to, far, ssrc, first }: { to: Place; far: Phone; ssrc: number; first: number },
): Promise<void> {
  const count = (): number => far.audio.received.filter((one) => ssrcOf(one) === ssrc).length;
  const before = count();
  let sequence = first;
  await until(
    async () => {
      await from.audio.send(rtpPacket(ssrc, sequence), to);
      sequence += 1;
      return count() > before;
    },
    { what: 'a genuine packet at the far end', limitMs: 5000, everyMs: 10 },
  );
}

async function inject(stranger: Wire, ports: readonly Place[], first: number): Promise<void> {
  for (let index = 0; index < INJECTED / 2; index += 1) {
    for (const port of ports) await stranger.send(rtpPacket(STRANGER_SSRC, first + index), port);
  }
}

test('A30 a stranger’s packets come out at neither side, before the first genuine packet and after, and are counted', () =>
  withHouse(async (house) => {
    const callee = await house.phone(ADDRESSES.callee);
    const { host, port } = callee.place;
    const engine = await house.start({
      trunks: [
        { ...CALLER_TRUNK, media: 'strict' },
        calleeTrunk('callees', [`sip:${host}:${port}`], { media: 'strict' }),
      ],
      routes: [{ prefix: '44', trunks: ['callees'] }],
    });
    const refusals = async (): Promise<number> =>
      (await engine.metric('trunkyard_udp_no_port_drops')) +
      (await engine.metric('trunkyard_engine_packets_refused'));
    const before = await refusals();
    const caller = await house.phone();
    const dialog = await caller.call(CALLED, engine.sip);
    const far = callee.answered;
    if (far === null) throw new Error('the callee never answered');
    const stranger = await Wire.open(ADDRESSES.stranger);
    const ports = [dialog.media, far.media];

    await inject(stranger, ports, 1);
    await passThrough(caller, { to: dialog.media, far: callee, ssrc: CALLER_SSRC, first: 1 });
    await passThrough(callee, { to: far.media, far: caller, ssrc: CALLEE_SSRC, first: 1 });
    await inject(stranger, ports, INJECTED);
    await passThrough(caller, { to: dialog.media, far: callee, ssrc: CALLER_SSRC, first: 1000 });
    await passThrough(callee, { to: far.media, far: caller, ssrc: CALLEE_SSRC, first: 1000 });

    const heard = [...caller.audio.received, ...callee.audio.received].map(ssrcOf);
    assert.is(heard.filter((ssrc) => ssrc === STRANGER_SSRC).length, 0);
    assert.is(stranger.received.length, 0, 'the stranger was answered');
    await until(async () => (await refusals()) >= before + INJECTED, {
      what: 'refused packets in the figures',
      limitMs: 5000,
    });
    stranger.close();
    assert.is((await caller.inDialog('BYE', dialog, engine.sip)).status, 200);
    const cdrs = await engine.cdrsWhenThere(2);
    assert.equal(
      cdrs.map(({ cause }) => cause),
      ['NORMAL_CLEARING', 'NORMAL_CLEARING'],
    );
    assert.is((await house.stop()).code, 0);
  }));

test.run();
