// needs: baresip
// limit: 240s
// Keys pressed on a real telephone: through a relay, a transcoded call, and to one that is told by SIP INFO. The other one hears
// each once, in order.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withParties } from '../support/parties.ts';
import type { TelephoneSide } from '../support/telephones.ts';
import { talk } from '../support/telephones.ts';

const KEYS = '1#90*55';

for (const [what, caller, callee] of [
  ['a relayed call', {}, {}],
  ['a transcoded call', { codecs: ['PCMU'] }, { codecs: ['G722'] }],
  ['a call whose callee is told by INFO', {}, { trunk: { dtmf: 'info' } }],
] as const satisfies readonly (readonly [string, TelephoneSide, TelephoneSide])[]) {
  test(`A24 keys of a telephone pass ${what} once each and in order`, () =>
    withParties('udp', async (parties) => {
      let heard = '';
      await talk(parties, { caller, callee }, async (controls) => {
        await controls.caller.press(KEYS);
        await controls.callee.hears(KEYS.length);
        heard = controls.callee.heard;
      });
      assert.is(heard, KEYS);
    }));
}

test.run();
