// needs: baresip
// Two telephones talk through the engine, each with a tone of its own: what each one recorded must be the other's tone,
// at the level it was sent with.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Baresip } from '../support/baresip.ts';
import { startBaresip } from '../support/baresip.ts';
import { ADDRESSES, freePort } from '../support/loopback.ts';
import { CALLED, plainSettings, withParties } from '../support/parties.ts';
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

test('two telephones hear each other’s tone at the right frequency and level', () =>
  withParties('udp', async (parties) => {
    const calleeAt = { host: ADDRESSES.callee, port: await freePort(ADDRESSES.callee) };
    const callerAt = { host: ADDRESSES.caller, port: await freePort(ADDRESSES.caller) };
    const engine = await parties.engine(plainSettings(`sip:${calleeAt.host}:${calleeAt.port}`));
    const callee = startBaresip({
      folder: parties.work.folder('callee'),
      local: calleeAt,
      mediaPorts: '31000-31099',
      toneHz: CALLEE_HZ,
      dial: null,
      seconds: CALL_S + 10,
    });
    await callee.ready;
    const caller = startBaresip({
      folder: parties.work.folder('caller'),
      local: callerAt,
      mediaPorts: '31100-31199',
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
  }));

test.run();
