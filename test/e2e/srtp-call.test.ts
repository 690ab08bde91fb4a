// needs: baresip
// Telephones that encrypt, through the engine: to each other and to one that doesn't, each hearing the other's tone.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withParties } from '../support/parties.ts';
import type { TelephoneSide } from '../support/telephones.ts';
import { assertHears, CALLEE_HZ, CALLER_HZ, talk } from '../support/telephones.ts';

const PLAIN: TelephoneSide = {};
const SECRET: TelephoneSide = { encrypts: true, trunk: { srtp: 'required' } };
const SUITE = /^A/;

for (const [what, caller, callee] of [
  ['an encrypting telephone calls a plain one', SECRET, PLAIN],
  ['a plain telephone calls an encrypting one', PLAIN, SECRET],
  ['two encrypting telephones call, each under keys of its own', SECRET, SECRET],
  [
    'a trunk that may encrypt reaches a telephone that can’t',
    PLAIN,
    { trunk: { srtp: 'optional' } },
  ],
  ['SRTP and transcoding go together', SECRET, { codecs: ['G722'] }],
] as const satisfies readonly (readonly [string, TelephoneSide, TelephoneSide])[]) {
  test(`A29 ${what}, and both hear each other`, () =>
    withParties('udp', async (parties) => {
      const { caller: calling, callee: called, cdrs } = await talk(parties, { caller, callee });
      assertHears(called, CALLER_HZ);
      assertHears(calling, CALLEE_HZ);
      // Both have PCMU and PCMA, and the trunk's list begins with the latter.
      assert.is(cdrs[1].codec, 'codecs' in callee ? 'G722' : 'PCMA');
      const wanted = [caller, callee].map((side) => 'encrypts' in side);
      assert.equal(
        cdrs.map(({ srtp }) => srtp !== null && SUITE.test(srtp)),
        wanted,
      );
    }));
}

test.run();
