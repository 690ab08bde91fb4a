// needs: sipp
// limit: 300s
// Every tenth message lost, both ways, on the caller's side, on the callee's, on both. Each side's repeats must mend its
// own losses: a call fails only when both ends of one link lose the same message again and again, and then the books
// must still be perfect. The three runs and the comparison (SIPp to SIPp, without us between) go side by side.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CallBooks } from '../support/books.ts';
import { booksOf } from '../support/books.ts';
import { ADDRESSES, until } from '../support/loopback.ts';
import type { Parties } from '../support/parties.ts';
import { assertAllGood, CALLER_TRUNK, calleeTrunk, withParties } from '../support/parties.ts';
import type { SippProcess, SippResult } from '../support/sipp.ts';

const CALLS = 200;
const LOST_PERCENT = 10;
/** Long enough that no callee gives up on its 200 before the BYE comes: SIPp would repeat it beyond the call's end. */
const PAUSE_MS = 20_000;
/** A callee answers repeated BYEs as long as they may come (Timer F, RFC 3261 §17.1.2.2). */
const VALUES = { linger_ms: '32000' };

interface Run {
  readonly called: string;
  readonly caller: SippProcess;
  readonly callee: SippProcess;
}

interface Losses {
  readonly name: string;
  readonly callerLoses: boolean;
  readonly calleeLoses: boolean;
}

const lost = (loses: boolean): { lostPercent?: number } =>
  loses ? { lostPercent: LOST_PERCENT } : {};

function calleesWith(
  parties: Parties,
  { name, calleeLoses }: Losses,
  host: string,
): Promise<{ process: SippProcess; uri: string }> {
  return parties.callees({
    scenario: 'uas-lossy.xml',
    label: `callee-${name}`,
    host,
    values: VALUES,
    ...lost(calleeLoses),
  });
}

function callersWith(
  parties: Parties,
  { name, callerLoses }: Losses,
  more: {
    readonly called: string;
    readonly remote?: { readonly host: string; readonly port: number };
  },
): Promise<SippProcess> {
  return parties.callers({
    scenario: 'uac-held.xml',
    label: `caller-${name}`,
    calls: CALLS,
    rate: 50,
    pauseMs: PAUSE_MS,
    ...lost(callerLoses),
    ...more,
  });
}

const RUNS: readonly (Losses & { readonly called: string })[] = [
  { name: 'caller', called: '4410', callerLoses: true, calleeLoses: false },
  { name: 'callee', called: '4420', callerLoses: false, calleeLoses: true },
  { name: 'both', called: '4430', callerLoses: true, calleeLoses: true },
];

test('lost messages on one side cost no call, on both sides no more than without us, and the books stay perfect', () =>
  withParties('udp', async (parties) => {
    const callees = await Promise.all(
      RUNS.map((run) => calleesWith(parties, run, ADDRESSES.callee)),
    );
    const engine = await parties.engine({
      trunks: [
        CALLER_TRUNK,
        ...callees.map(({ uri }, index) => calleeTrunk(`callees-${index}`, [uri])),
      ],
      routes: RUNS.map(({ called }, index) => ({ prefix: called, trunks: [`callees-${index}`] })),
    });
    const direct: Losses = { name: 'direct', callerLoses: true, calleeLoses: true };
    const directCallees = await calleesWith(parties, direct, ADDRESSES.spare);
    const remote = { host: ADDRESSES.spare, port: Number(directCallees.uri.split(':').at(-1)) };
    const directCaller = await callersWith(parties, direct, { called: 'direct', remote });
    const runs: Run[] = await Promise.all(
      RUNS.map(async (run, index) => {
        const callee = callees[index];
        if (callee === undefined) throw new Error('one callee a run');
        return {
          called: run.called,
          caller: await callersWith(parties, run, run),
          callee: callee.process,
        };
      }),
    );
    const compared = await directCaller.finished;
    const results = await Promise.all(runs.map(({ caller }) => caller.finished));
    await until(async () => (await engine.liveCallCount()) === 0, {
      what: 'no call is left',
      limitMs: 80_000,
      everyMs: 500,
    });

    const [callerAlone, calleeAlone, bothLose] = results as [SippResult, SippResult, SippResult];
    assertAllGood(callerAlone, CALLS);
    assertAllGood(calleeAlone, CALLS);
    assert.ok(
      bothLose.successful >= compared.successful,
      `${bothLose.successful} calls with us between, ${compared.successful} without; ${bothLose.errors}`,
    );
    const books = booksOf(await engine.cdrsWhenThere(2 * 3 * CALLS));
    for (const { called } of RUNS)
      assertPerfect(books.filter(({ inbound }) => inbound.called.startsWith(called)));
  }));

/** One record for each leg of each call that a caller made, each answered and ended by somebody. */
function assertPerfect(books: readonly CallBooks[]): void {
  assert.is(books.length, CALLS);
  for (const { inbound, outbound } of books) {
    assert.is(outbound.length, 1, `call ${inbound.call_id}`);
    assert.is(inbound.final_status, outbound[0]?.final_status, `call ${inbound.call_id}`);
  }
}

test.run();
