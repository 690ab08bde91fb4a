// needs: baresip
// again: kernel-path
// Two telephones talk through the engine, each with a tone of its own: what each one recorded must be the other's tone,
// at the level it was sent with.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WITH_KERNEL_PATH } from '../support/kernel-path.ts';
import { ADDRESSES } from '../support/loopback.ts';
import { withParties } from '../support/parties.ts';
import type { TelephoneSide } from '../support/telephones.ts';
import { assertHears, CALLEE_HZ, CALLER_HZ, talk } from '../support/telephones.ts';

function theyHearEachOther(sides: {
  readonly caller: TelephoneSide;
  readonly callee: TelephoneSide;
}): Promise<void> {
  return withParties('udp', async (parties) => {
    const { caller, callee, packetsInKernel } = await talk(parties, sides);
    assert.is(packetsInKernel > 0, WITH_KERNEL_PATH);
    assertHears(callee, CALLER_HZ);
    assertHears(caller, CALLEE_HZ);
  });
}

test('two telephones hear each other’s tone at the right frequency and level', () => {
  const trunk = { media: 'strict' };
  return theyHearEachOther({ caller: { trunk }, callee: { trunk } });
});

// baresip sends RTP from the address the kernel picks, not from the one in its SDP: to us it stands behind a NAT.
test('telephones whose media comes from elsewhere than their SDP says hear each other once latched on', () => {
  const trunk = { media: 'latch' };
  return theyHearEachOther({
    caller: { host: ADDRESSES.caller, trunk },
    callee: { host: ADDRESSES.callee, trunk },
  });
});

test.run();
