// needs: baresip
// Two telephones talk through the engine, each with a tone of its own: what each one recorded must be the other's tone,
// at the level it was sent with.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Baresip } from '../support/baresip.ts';
import { startBaresip } from '../support/baresip.ts';
import { ADDRESSES, freePort } from '../support/loopback.ts';
import type { Parties } from '../support/parties.ts';
import { CALLED, CALLER_TRUNK, calleeTrunk, withParties } from '../support/parties.ts';
import { strongestTone } from '../support/tone.ts';

const CALLER_HZ = 1000;
const CALLEE_HZ = 600;
const CANDIDATES_HZ = [300, 400, 500, CALLEE_HZ, 700, 800, 900, CALLER_HZ, 1100, 1200, 1600, 2000];
const CALL_S = 6;
/** Sent at 8,000; mu-law costs a little. */
const AMPLITUDE_MIN = 7000;

function assertHears(telephone: Baresip, frequencyHz: number): void {
  const tone = strongestTone(telephone.heard(), CANDIDATES_HZ);
  assert.is(tone.frequencyHz, frequencyHz);
  assert.ok(
    tone.amplitude > AMPLITUDE_MIN,
    `${frequencyHz} Hz came with an amplitude of ${tone.amplitude}`,
  );
}

interface Placing {
  /** The telephones' addresses as they say them in SIP and SDP. */
  readonly callerHost: string;
  readonly calleeHost: string;
  readonly media: 'strict' | 'latch';
}

async function talk(parties: Parties, { callerHost, calleeHost, media }: Placing): Promise<void> {
  const calleeAt = { host: calleeHost, port: await freePort(calleeHost) };
  const callerAt = { host: callerHost, port: await freePort(callerHost) };
  const uri = `sip:${calleeAt.host}:${calleeAt.port}`;
  const engine = await parties.engine({
    trunks: [
      { ...CALLER_TRUNK, allow: [`${callerHost}/32`], media },
      calleeTrunk('callees', [uri], { media }),
    ],
    routes: [{ prefix: '44', trunks: ['callees'] }],
  });
  const callee = startBaresip({
    folder: parties.work.folder('callee'),
    local: calleeAt,
    mediaPorts: '31000-31099',
    user: CALLED,
    toneHz: CALLEE_HZ,
    dial: null,
    seconds: CALL_S + 20,
  });
  await callee.ready;
  const caller = startBaresip({
    folder: parties.work.folder('caller'),
    local: callerAt,
    mediaPorts: '31100-31199',
    user: 'caller',
    toneHz: CALLER_HZ,
    dial: `sip:${CALLED}@${engine.sip.host}:${engine.sip.port}`,
    seconds: CALL_S,
  });
  const { output } = await caller.program.ended;
  const cdrs = await engine.cdrsWhenThere(2);
  await callee.program.stop();
  assert.equal(
    cdrs.map((cdr) => cdr.final_status),
    [200, 200],
    output,
  );
  assertHears(callee, CALLER_HZ);
  assertHears(caller, CALLEE_HZ);
}

test('two telephones hear each other’s tone at the right frequency and level', () =>
  withParties('udp', (parties) =>
    talk(parties, { callerHost: ADDRESSES.engine, calleeHost: ADDRESSES.engine, media: 'strict' }),
  ));

// baresip sends RTP from the address the kernel picks, not from the one in its SDP: to us it stands behind a NAT.
test('telephones whose media comes from elsewhere than their SDP says hear each other once latched on', () =>
  withParties('udp', (parties) =>
    talk(parties, { callerHost: ADDRESSES.caller, calleeHost: ADDRESSES.callee, media: 'latch' }),
  ));

test.run();
