// needs: sipp
// limit: 300s
// One conversation at a time, over UDP and TCP: what a party does, the other party must see. SIPp's scenarios hold the
// conditions; the records must tell the same story.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { booksOf, tally } from '../support/books.ts';
import type { Engine } from '../support/engine.ts';
import type { Parties, Transport } from '../support/parties.ts';
import { assertAllGood, CALLED, plainSettings, withParties } from '../support/parties.ts';

const CALLS = 5;

interface Flow {
  readonly caller: string;
  readonly callee: string;
  /** Calls that the callees see for each of the caller's; 1 when left out. */
  readonly attempts?: number;
  readonly values?: Readonly<Record<string, string>>;
}

/** Runs five calls of a flow; both sides must be content. */
async function runFlow(parties: Parties, flow: Flow): Promise<Engine> {
  const shared = { values: flow.values ?? {}, pauseMs: 500 };
  const callees = await parties.callees({ scenario: flow.callee, label: 'callees', ...shared });
  const engine = await parties.engine(plainSettings(callees.uri));
  const callers = await parties.callers({
    scenario: flow.caller,
    label: 'callers',
    calls: CALLS,
    called: CALLED,
    ...shared,
  });
  assertAllGood(await callers.finished, CALLS);
  assertAllGood(await callees.process.stop(), CALLS * (flow.attempts ?? 1));
  return engine;
}

/** Final status, cause and who ended, of every leg. */
async function story(engine: Engine): Promise<Record<string, number>> {
  const cdrs = await engine.cdrsWhenThere(2 * CALLS);
  assert.is(booksOf(cdrs).length, CALLS);
  return tally(cdrs, (cdr) => `${cdr.direction} ${cdr.final_status} ${cdr.cause} ${cdr.ended_by}`);
}

const both = (text: string): Record<string, number> => ({
  [`inbound ${text}`]: CALLS,
  [`outbound ${text}`]: CALLS,
});

for (const transport of ['udp', 'tcp'] satisfies Transport[]) {
  test(`a caller who gives up while it rings is told 487, and the callee gets the CANCEL (${transport})`, () =>
    withParties(transport, async (parties) => {
      const engine = await runFlow(parties, {
        caller: 'uac-cancel.xml',
        callee: 'uas-cancelled.xml',
      });
      assert.equal(await story(engine), both('487 CALLER_CANCELLED caller'));
    }));

  test(`a busy callee's 486 reaches the caller as it is (${transport})`, () =>
    withParties(transport, async (parties) => {
      const values = { status: '486', reason: 'Busy Here' };
      const engine = await runFlow(parties, {
        caller: 'uac-refused.xml',
        callee: 'uas-refuse.xml',
        values,
      });
      assert.equal(await story(engine), both('486 CALLEE_BUSY callee'));
    }));

  test(`hold and back pass through with the right direction on each side (${transport})`, () =>
    withParties(transport, async (parties) => {
      const engine = await runFlow(parties, { caller: 'uac-hold.xml', callee: 'uas-hold.xml' });
      assert.equal(await story(engine), both('200 NORMAL_CLEARING caller'));
    }));

  test(`an INVITE without SDP gets the callee's offer, and the answer in the ACK reaches the callee (${transport})`, () =>
    withParties(transport, async (parties) => {
      const engine = await runFlow(parties, {
        caller: 'uac-late-offer.xml',
        callee: 'uas-late-offer.xml',
      });
      assert.equal(await story(engine), both('200 NORMAL_CLEARING caller'));
    }));

  test(`a callee's BYE ends the caller's leg (${transport})`, () =>
    withParties(transport, async (parties) => {
      const engine = await runFlow(parties, { caller: 'uac-wait-bye.xml', callee: 'uas-bye.xml' });
      assert.equal(await story(engine), both('200 NORMAL_CLEARING callee'));
    }));
}

/** Legs of these codecs, and what became of the gateway's attempts: statuses in order. */
async function audioOf(engine: Engine): Promise<Record<string, number>> {
  const statuses = (tried: string): string => tried.replace(/[^ ,]+ /g, '');
  return tally(await engine.cdrsWhenThere(2 * CALLS), (cdr) =>
    `${cdr.codec ?? 'none'} ${statuses(cdr.routes_tried)}`.trim(),
  );
}

test('A25 a callee that answers with port 0 is asked again in its dialog, and the call is transcoded', () =>
  withParties('udp', async (parties) => {
    const engine = await runFlow(parties, { caller: 'uac-call.xml', callee: 'uas-no-audio.xml' });
    assert.equal(await story(engine), both('200 NORMAL_CLEARING caller'));
    assert.equal(await audioOf(engine), { PCMU: CALLS, 'PCMA 200': CALLS });
  }));

test('A25 a callee that refuses with 406 and a Warning about the format is made the next offer', () =>
  withParties('udp', async (parties) => {
    const engine = await runFlow(parties, {
      caller: 'uac-call.xml',
      callee: 'uas-warned.xml',
      attempts: 2,
    });
    assert.equal(await story(engine), both('200 NORMAL_CLEARING caller'));
    assert.equal(await audioOf(engine), { PCMU: CALLS, 'PCMA 406,200': CALLS });
  }));

test.run();
