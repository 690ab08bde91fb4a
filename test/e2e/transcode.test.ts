// needs: baresip
// limit: 240s
// Telephones that share no codec: each records the other's tone at its frequency and level, whatever lay between.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withParties } from '../support/parties.ts';
import { assertHears, CALLEE_HZ, CALLER_HZ, talk } from '../support/telephones.ts';

for (const [from, to, records] of [
  ['PCMU', 'opus', ['PCMU', 'opus']],
  ['PCMU', 'G722', ['PCMU', 'G722']],
  ['PCMA', 'opus', ['PCMA', 'opus']],
  ['opus', 'G722', ['opus', 'G722']],
  ['PCMU', 'PCMA', ['PCMU', 'PCMA']],
] as const) {
  test(`A25 ${from} to ${to}: both hear the other’s tone within 1 Hz and 1 dB`, () =>
    withParties('udp', async (parties) => {
      const sides = { caller: { codecs: [from] }, callee: { codecs: [to] } };
      const { caller, callee, cdrs } = await talk(parties, sides);
      assertHears(callee, CALLER_HZ);
      assertHears(caller, CALLEE_HZ);
      assert.equal(
        cdrs.map(({ codec }) => codec),
        records,
      );
      assert.equal(
        cdrs.map(({ transcoded }) => transcoded),
        [1, 1],
      );
    }));
}

test('A27 a trunk that always transcodes has an estimate of quality in its records', () =>
  withParties('udp', async (parties) => {
    const sides = { caller: { trunk: { transcode: 'always' } }, callee: {} };
    const { caller, callee, cdrs } = await talk(parties, sides);
    assertHears(callee, CALLER_HZ);
    assertHears(caller, CALLEE_HZ);
    for (const { mos, concealed_ms: concealedMs } of cdrs) {
      assert.ok(mos !== null && mos >= 4 && mos <= 4.5, `MOS ${mos ?? 'none'}`);
      assert.ok(concealedMs !== null && concealedMs < 200, `${concealedMs ?? 'no'} ms concealed`);
    }
  }));

test.run();
