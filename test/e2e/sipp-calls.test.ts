// needs: sipp
// limit: 300s
// runs: alone
// Calls from trunk to trunk as a carrier sends them: SIPp on both sides, real RTP both ways, and the books compared with
// what SIPp counted on either side.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { booksOf, tally } from '../support/books.ts';
import type { Cdr } from '../support/engine.ts';
import { until } from '../support/loopback.ts';
import type { Transport } from '../support/parties.ts';
import { assertAllGood, CALLED, plainSettings, withParties } from '../support/parties.ts';

const CALLS = 1000;
const RATE = 50;
/** 200 calls are up at a time, with 10,000 packets a second each way. */
const PAUSE_MS = 4000;
/** 50 packets a second for the pause make 200; what comes before the answer and after the BYE is not counted. */
const PACKETS_MIN = 150;

async function callWithAudio(transport: Transport): Promise<void> {
  await withParties(transport, async (parties) => {
    const callees = await parties.callees({ scenario: 'uas-answer.xml', label: 'callees' });
    const engine = await parties.engine(plainSettings(callees.uri));
    const callers = await parties.callers({
      scenario: 'uac-call.xml',
      label: 'callers',
      calls: CALLS,
      rate: RATE,
      pauseMs: PAUSE_MS,
      called: CALLED,
      caller: '442079460000',
    });
    assertAllGood(await callers.finished, CALLS);
    assertAllGood(await callees.process.stop(), CALLS);

    const cdrs = await engine.cdrsWhenThere(2 * CALLS);
    assert.is(cdrs.length, 2 * CALLS);
    const books = booksOf(cdrs);
    assert.is(books.length, CALLS);
    assert.ok(books.every(({ outbound }) => outbound.length === 1));
    assert.equal(
      tally(cdrs, (cdr) => `${cdr.final_status} ${cdr.cause}`),
      { '200 NORMAL_CLEARING': 2 * CALLS },
    );
    assert.equal(
      tally(cdrs, (cdr) => cdr.ended_by),
      { caller: 2 * CALLS },
    );
    assert.equal(
      tally(cdrs, (cdr) => cdr.codec ?? ''),
      { PCMU: 2 * CALLS },
    );
    const silent = cdrs.filter((cdr) => !heardBothWays(cdr));
    assert.equal(silent.slice(0, 3), [], `${silent.length} legs without audio both ways`);
    await until(async () => (await engine.liveCallCount()) === 0, {
      what: 'no call is left',
      limitMs: 5000,
    });
    const end = await engine.stop();
    assert.is(end.code, 0, end.output);
  });
}

function heardBothWays(cdr: Cdr): boolean {
  return (cdr.packets_received ?? 0) >= PACKETS_MIN && (cdr.packets_sent ?? 0) >= PACKETS_MIN;
}

test('1,000 calls at 50 a second over UDP with audio both ways leave no failed call and 2,000 records', () =>
  callWithAudio('udp'));

test('1,000 calls at 50 a second over TCP with audio both ways leave no failed call and 2,000 records', () =>
  callWithAudio('tcp'));

test.run();
