// needs: sipp
// limit: 240s
// The end of a process with calls up: asked to stop, it refuses new calls and waits for the old ones; killed, it closes
// their records at the next start. Either way no call is without its two records.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { booksOf, tally } from '../support/books.ts';
import type { Engine } from '../support/engine.ts';
import { until } from '../support/loopback.ts';
import type { Callees, Parties } from '../support/parties.ts';
import { assertAllGood, CALLED, plainSettings, withParties } from '../support/parties.ts';
import type { SippProcess } from '../support/sipp.ts';

const CALLS = 200;
const START_LIMIT_MS = 30_000;

interface CallsUp {
  readonly engine: Engine;
  readonly callees: Callees;
  readonly callers: SippProcess;
}

async function callsUp(parties: Parties, pauseMs: number): Promise<CallsUp> {
  const callees = await parties.callees({ scenario: 'uas-zero.xml', label: 'callees' });
  const engine = await parties.engine(plainSettings(callees.uri));
  const callers = await parties.callers({
    scenario: 'uac-held.xml',
    label: 'callers',
    calls: CALLS,
    rate: 100,
    pauseMs,
    called: CALLED,
  });
  await until(async () => (await engine.answeredCallCount()) === CALLS, {
    what: `${CALLS} calls are answered`,
    limitMs: START_LIMIT_MS,
  });
  return { engine, callees, callers };
}

test('E21 SIGTERM with 200 calls up: new ones are refused, the old ones end by themselves, exit 0, nothing lost', () =>
  withParties('udp', async (parties) => {
    const { engine, callees, callers } = await callsUp(parties, 20_000);
    engine.signal('SIGTERM');
    await until(async () => (await engine.metric('trunkyard_draining')) === 1, {
      what: 'draining',
      limitMs: 5000,
    });
    const options = await parties.callers({
      scenario: 'uac-options.xml',
      values: { status: '503' },
      label: 'options',
      calls: 1,
    });
    const refused = await parties.callers({
      scenario: 'uac-refused-later.xml',
      values: { status: '503' },
      label: 'refused',
      calls: 5,
      called: CALLED,
    });
    assertAllGood(await options.finished, 1);
    assertAllGood(await refused.finished, 5);
    assertAllGood(await callers.finished, CALLS);
    const end = await engine.ended;
    assert.is(end.code, 0, end.output);
    assertAllGood(await callees.process.stop(), CALLS);

    const again = await parties.engine(plainSettings(callees.uri));
    const cdrs = await again.cdrsWhenThere(2 * CALLS);
    assert.is(booksOf(cdrs).length, CALLS);
    assert.equal(
      tally(cdrs, (cdr) => `${cdr.final_status} ${cdr.cause}`),
      { '200 NORMAL_CLEARING': 2 * CALLS },
    );
  }));

test('F27 kill -9 of everything with 200 calls up: after a restart each call has its two records, closed with the reason', () =>
  withParties('udp', async (parties) => {
    const { engine, callees } = await callsUp(parties, 60_000);
    await engine.kill();
    const again = await parties.engine(plainSettings(callees.uri));
    await assertClosedAtRestart(again);
    await until(async () => (await again.liveCallCount()) === 0, {
      what: 'no call is left',
      limitMs: 5000,
    });
    const one = await parties.callers({
      scenario: 'uac-zero.xml',
      label: 'after',
      calls: 1,
      called: CALLED,
    });
    assertAllGood(await one.finished, 1);
  }));

test('F27 kill -9 of the control process alone: the supervisor starts it again and each call has its two records', () =>
  withParties('udp', async (parties) => {
    const { engine } = await callsUp(parties, 60_000);
    const [control] = engine.pidsOf('control-main');
    if (control === undefined) throw new Error('the tree has a control process');
    process.kill(control, 'SIGKILL');
    await assertClosedAtRestart(engine);
    const one = await parties.callers({
      scenario: 'uac-zero.xml',
      label: 'after',
      calls: 1,
      called: CALLED,
    });
    assertAllGood(await one.finished, 1);
  }));

async function assertClosedAtRestart(engine: Engine): Promise<void> {
  const cdrs = await engine.cdrsWhenThere(2 * CALLS, 60_000);
  assert.is(cdrs.length, 2 * CALLS);
  assert.is(booksOf(cdrs).length, CALLS);
  assert.equal(
    tally(cdrs, (cdr) => cdr.cause),
    { PROCESS_RESTARTED: 2 * CALLS },
  );
}

test.run();
