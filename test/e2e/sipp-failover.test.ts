// needs: sipp
// Several gateways: which answers of the first lead to the second, and which must never. Whom the caller reaches and
// what the record lists as tried must agree.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineSettings } from '../support/engine.ts';
import { ADDRESSES, freePort } from '../support/loopback.ts';
import type { Callees, Parties } from '../support/parties.ts';
import {
  assertAllGood,
  CALLED,
  CALLER_TRUNK,
  calleeTrunk,
  withParties,
} from '../support/parties.ts';

const CALLS = 3;

function twoGateways(first: string, second: string): EngineSettings {
  return {
    trunks: [CALLER_TRUNK, calleeTrunk('callees', [first, second], { gateway_timeout_s: 1 })],
    routes: [{ prefix: '44', trunks: ['callees'] }],
  };
}

function secondGateway(parties: Parties): Promise<Callees> {
  return parties.callees({ scenario: 'uas-zero.xml', label: 'second', host: ADDRESSES.spare });
}

/** Calls over both gateways must succeed at the second, with both in the record. */
async function expectSecond(parties: Parties, first: string): Promise<void> {
  const second = await secondGateway(parties);
  const engine = await parties.engine(twoGateways(first, second.uri));
  const callers = await parties.callers({
    scenario: 'uac-zero.xml',
    label: 'callers',
    calls: CALLS,
    called: CALLED,
  });
  assertAllGood(await callers.finished, CALLS);
  assertAllGood(await second.process.stop(), CALLS);
  const outbound = (await engine.cdrsWhenThere(2 * CALLS)).filter(
    (cdr) => cdr.direction === 'outbound',
  );
  assert.is(outbound.length, CALLS);
  const [cdr] = outbound;
  if (cdr === undefined) throw new Error('there is a record');
  assert.is(cdr.final_status, 200);
  assert.match(cdr.routes_tried, ADDRESSES.callee);
  assert.match(cdr.routes_tried, ADDRESSES.spare);
}

test('E23 a 503 of the first gateway leads to the second', () =>
  withParties('udp', async (parties) => {
    const values = { status: '503', reason: 'Service Unavailable' };
    const first = await parties.callees({ scenario: 'uas-refuse.xml', label: 'first', values });
    await expectSecond(parties, first.uri);
  }));

test('E23 a first gateway that says nothing is given up for the second', () =>
  withParties('udp', async (parties) => {
    const values = { linger_ms: '10000' };
    const first = await parties.callees({ scenario: 'uas-silent.xml', label: 'first', values });
    await expectSecond(parties, first.uri);
  }));

test('E23 a first gateway that refuses the connection leads to the second', () =>
  withParties('tcp', async (parties) => {
    const port = await freePort(ADDRESSES.callee);
    await expectSecond(parties, `sip:${ADDRESSES.callee}:${port};transport=tcp`);
  }));

for (const [status, reason] of [
  ['486', 'Busy Here'],
  ['603', 'Decline'],
] as const) {
  test(`E23 a ${status} of the first gateway is final: the second is never asked`, () =>
    withParties('udp', async (parties) => {
      const values = { status, reason };
      const first = await parties.callees({ scenario: 'uas-refuse.xml', label: 'first', values });
      const second = await secondGateway(parties);
      const engine = await parties.engine(twoGateways(first.uri, second.uri));
      const callers = await parties.callers({
        scenario: 'uac-refused.xml',
        label: 'callers',
        values,
        calls: CALLS,
        called: CALLED,
      });
      assertAllGood(await callers.finished, CALLS);
      assertAllGood(await first.process.stop(), CALLS);
      assert.is((await second.process.stop()).created, 0);
      const cdrs = await engine.cdrsWhenThere(2 * CALLS);
      assert.ok(cdrs.every((cdr) => cdr.final_status === Number(status)));
    }));
}

test('gateways that all fail give the caller a 503', () =>
  withParties('udp', async (parties) => {
    const values = { status: '503', reason: 'Service Unavailable' };
    const first = await parties.callees({ scenario: 'uas-refuse.xml', label: 'first', values });
    const second = await parties.callees({
      scenario: 'uas-refuse.xml',
      label: 'second',
      values,
      host: ADDRESSES.spare,
    });
    const engine = await parties.engine(twoGateways(first.uri, second.uri));
    const callers = await parties.callers({
      scenario: 'uac-refused.xml',
      label: 'callers',
      values,
      calls: 1,
      called: CALLED,
    });
    assertAllGood(await callers.finished, 1);
    const cdrs = await engine.cdrsWhenThere(2);
    assert.ok(
      cdrs.every((cdr) => cdr.final_status === 503),
      JSON.stringify(cdrs),
    );
  }));

test.run();
