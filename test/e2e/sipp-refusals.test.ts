// needs: sipp
// Calls that must not go through: each is refused with its own status, at once, and with a Retry-After where coming back
// later helps.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ADDRESSES, until } from '../support/loopback.ts';
import type { Parties } from '../support/parties.ts';
import {
  assertAllGood,
  CALLED,
  CALLER_TRUNK,
  calleeTrunk,
  plainSettings,
  withParties,
} from '../support/parties.ts';

/** Nobody listens there; a refusal comes before anybody is called. */
const NOWHERE = `sip:${ADDRESSES.callee}:5999`;

interface Refusal {
  readonly status: string;
  readonly scenario?: string;
  readonly called?: string;
  readonly host?: string;
  readonly calls?: number;
}

/** Callers who are content only when they are refused with this status. */
async function expectRefusal(parties: Parties, refusal: Refusal): Promise<void> {
  const calls = refusal.calls ?? 3;
  const callers = await parties.callers({
    scenario: refusal.scenario ?? 'uac-refused.xml',
    values: { status: refusal.status },
    called: refusal.called ?? CALLED,
    calls,
    ...(refusal.host === undefined ? {} : { host: refusal.host }),
  });
  assertAllGood(await callers.finished, calls);
}

test('an unknown number is answered with 404', () =>
  withParties('udp', async (parties) => {
    await parties.engine(plainSettings(NOWHERE));
    await expectRefusal(parties, { status: '404', called: '999000' });
  }));

test('a source that no trunk allows is answered with 403', () =>
  withParties('udp', async (parties) => {
    await parties.engine(plainSettings(NOWHERE));
    await expectRefusal(parties, { status: '403', host: ADDRESSES.stranger });
  }));

test('an offer without a codec that both trunks may use is answered with 488', () =>
  withParties('udp', async (parties) => {
    await parties.engine(plainSettings(NOWHERE));
    await expectRefusal(parties, { status: '488', scenario: 'uac-bad-codec.xml' });
  }));

test('OPTIONS outside a call is answered with 200', () =>
  withParties('udp', async (parties) => {
    await parties.engine(plainSettings(NOWHERE));
    await expectRefusal(parties, { status: '200', scenario: 'uac-options.xml' });
  }));

/** Holds one call up while others must be refused with 503 and Retry-After. */
async function refusedBesideOneCall(
  parties: Parties,
  limits: { readonly trunk?: object; readonly node?: Readonly<Record<string, number>> },
): Promise<void> {
  const callees = await parties.callees({ scenario: 'uas-zero.xml', label: 'callees' });
  const engine = await parties.engine({
    trunks: [{ ...CALLER_TRUNK, ...limits.trunk }, calleeTrunk('callees', [callees.uri])],
    routes: [{ prefix: '44', trunks: ['callees'] }],
    ...(limits.node === undefined ? {} : { limits: limits.node }),
  });
  const held = await parties.callers({
    scenario: 'uac-held.xml',
    label: 'held',
    calls: 1,
    pauseMs: 6000,
    called: CALLED,
  });
  await until(async () => (await engine.liveCallCount()) === 1, {
    what: 'one call is up',
    limitMs: 5000,
  });
  await expectRefusal(parties, { status: '503', scenario: 'uac-refused-later.xml' });
  assertAllGood(await held.finished, 1);
  const after = await parties.callers({
    scenario: 'uac-zero.xml',
    label: 'after',
    calls: 1,
    called: CALLED,
  });
  assertAllGood(await after.finished, 1);
}

test('E17 calls above a trunk’s channels are answered with 503 and Retry-After, and taken again once one ends', () =>
  withParties('udp', (parties) => refusedBesideOneCall(parties, { trunk: { channels: 1 } })));

test('calls above the node’s limit are answered with 503 and Retry-After, and taken again once one ends', () =>
  withParties('udp', (parties) => refusedBesideOneCall(parties, { node: { calls: 1 } })));

test('E9 INVITEs above a trunk’s calls per second are answered with 503 and Retry-After at once, not queued', () =>
  withParties('udp', async (parties) => {
    const callees = await parties.callees({ scenario: 'uas-zero.xml', label: 'callees' });
    const engine = await parties.engine({
      trunks: [{ ...CALLER_TRUNK, cps: 1 }, calleeTrunk('callees', [callees.uri])],
      routes: [{ prefix: '44', trunks: ['callees'] }],
    });
    const callers = await parties.callers({
      scenario: 'uac-burst.xml',
      label: 'callers',
      calls: 5,
      rate: 100,
      called: CALLED,
    });
    assertAllGood(await callers.finished, 5);
    assertAllGood(await callees.process.stop(), 1);
    const answered = (await engine.cdrsWhenThere(2)).filter((cdr) => cdr.final_status === 200);
    assert.is(answered.length, 2);
    assert.is(await engine.metric('trunkyard_calls_rejected_total'), 4);
  }));

test.run();
