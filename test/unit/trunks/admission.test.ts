// Caps on calls and on calls a second, exact to one call.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERRORS, monoMs, seededRandom } from '../../../src/base/index.ts';
import type { Ticket, Trunk } from '../../../src/trunks/index.ts';
import { Admission } from '../../../src/trunks/index.ts';
import { CallRate } from '../../../src/trunks/call-rate.ts';
import { trunk } from './build.ts';

const WIDE = { calls: 100_000, cps: 10_000 };
const limited = (
  name: string,
  { cps = 10_000, channels = 100_000 }: { readonly cps?: number; readonly channels?: number },
): Trunk => trunk(name, { cps, channels });

/** Offers calls and gives the tickets of those let in, with the refusals' texts. */
function offer(
  admission: Admission,
  { at, count, from }: { readonly at: number; readonly count: number; readonly from: Trunk | null },
) {
  const tickets: Ticket[] = [];
  const refusals: string[] = [];
  for (let call = 0; call < count; call += 1) {
    const result = admission.tryAdmit(monoMs(at), from);
    if (result.ok) tickets.push(result.value);
    else refusals.push(`${result.error.code} ${result.error.retryAfterS}: ${result.error.message}`);
  }
  return { tickets, refusals };
}

test('E9 answers INVITEs above the trunk’s CPS with 503 at once, naming the limit and a wait', () => {
  const a = limited('carrier-a', { cps: 10 });
  const { tickets, refusals } = offer(new Admission(WIDE, [a]), { at: 0, count: 10_000, from: a });
  assert.is(tickets.length, 10);
  assert.is(refusals.length, 9990);
  assert.equal(
    [...new Set(refusals)],
    ['TRUNK_CPS_EXCEEDED 1: trunk carrier-a: cps of 10 is reached'],
  );
  assert.is(ERRORS.TRUNK_CPS_EXCEEDED.sip, 503);
});

test('E9 lets every call of a sender at the cap through, however it jitters', () => {
  const random = seededRandom(5);
  const a = limited('a', { cps: 50 });
  const admission = new Admission(WIDE, [a]);
  for (let call = 0; call < 1000; call += 1) {
    const at = call * 20 + random.draw() * 500;
    assert.ok(admission.tryAdmit(monoMs(at), a).ok, `call ${call}`);
  }
});

test('E9 passes the cap’s calls and a second’s worth more over any time, exact to one call', () => {
  const a = limited('a', { cps: 10 });
  const admission = new Admission(WIDE, [a]);
  let passed = 0;
  for (let at = 0; at < 10_000; at += 1) if (admission.tryAdmit(monoMs(at), a).ok) passed += 1;
  // 10 at once, then one each 100 ms from 100 ms to 9,900 ms.
  assert.is(passed, 10 + 99);
});

test('E17 gives out a trunk’s channels to the last one and takes them back', () => {
  const a = limited('a', { channels: 3 });
  const admission = new Admission(WIDE, [a]);
  const { tickets, refusals } = offer(admission, { at: 0, count: 5, from: a });
  assert.is(tickets.length, 3);
  assert.equal([...new Set(refusals)], ['TRUNK_AT_CAPACITY 5: trunk a: all 3 channels are in use']);
  const [first] = tickets;
  if (first === undefined) throw new Error('a call was refused');
  admission.release(first);
  admission.release(first);
  assert.is(admission.calls, 2);
  assert.is(offer(admission, { at: 1, count: 5, from: a }).tickets.length, 1);
});

test('takes no call a second from a trunk whose channels are full', () => {
  const a = limited('a', { cps: 2, channels: 1 });
  const admission = new Admission(WIDE, [a]);
  const { tickets } = offer(admission, { at: 0, count: 50, from: a });
  for (const ticket of tickets) admission.release(ticket);
  assert.is(offer(admission, { at: 0, count: 1, from: a }).tickets.length, 1);
});

test('refuses by the node’s caps before it counts anything on the trunk', () => {
  const a = limited('a', { cps: 5 });
  const full = new Admission({ calls: 0, cps: 10 }, [a]);
  assert.equal(offer(full, { at: 0, count: 1, from: a }).refusals, [
    'CALL_LIMIT_REACHED 5: limits.calls of 0 is reached',
  ]);
  const slow = new Admission({ calls: 10, cps: 1 }, [a]);
  assert.equal(offer(slow, { at: 0, count: 2, from: a }).refusals, [
    'CPS_LIMIT_REACHED 1: limits.cps of 1 is reached',
  ]);
  assert.equal(
    slow.trunkLoads().map(({ channelsUsed, refusedByCps }) => [channelsUsed, refusedByCps]),
    [[1, 0]],
  );
});

test('counts a call of the platform’s own on the node alone', () => {
  const a = limited('a', { channels: 0 });
  const admission = new Admission({ calls: 1, cps: 10 }, [a]);
  assert.is(offer(admission, { at: 0, count: 2, from: null }).tickets.length, 1);
});

test('holds a channel of the trunk a call goes out on, one however many gateways are tried', () => {
  const [a, b] = [limited('a', {}), limited('b', { cps: 1, channels: 1 })];
  const admission = new Admission(WIDE, [a, b]);
  const [first, second] = offer(admission, { at: 0, count: 2, from: a }).tickets;
  if (first === undefined || second === undefined) throw new Error('a call was refused');
  assert.ok(admission.tryOutbound(monoMs(0), first, b).ok);
  assert.ok(admission.tryOutbound(monoMs(0), first, b).ok);
  const refused = admission.tryOutbound(monoMs(0), second, b);
  assert.is(refused.ok ? '' : refused.error.code, 'TRUNK_AT_CAPACITY');
  admission.release(first);
  const tooSoon = admission.tryOutbound(monoMs(0), second, b);
  assert.is(tooSoon.ok ? '' : tooSoon.error.code, 'TRUNK_CPS_EXCEEDED');
  assert.ok(admission.tryOutbound(monoMs(1000), second, b).ok);
});

test('E17 gives the earlier trunk’s channel back when a call fails over to the next', () => {
  const [a, b, c] = [limited('a', {}), limited('b', {}), limited('c', { channels: 0 })];
  const admission = new Admission(WIDE, [a, b, c]);
  const [ticket] = offer(admission, { at: 0, count: 1, from: a }).tickets;
  if (ticket === undefined) throw new Error('a call was refused');
  const used = (): string =>
    admission
      .trunkLoads()
      .map(({ trunkId, channelsUsed }) => `${trunkId}${channelsUsed}`)
      .join(' ');
  admission.tryOutbound(monoMs(0), ticket, a);
  assert.is(used(), 'a2 b0 c0');
  admission.tryOutbound(monoMs(0), ticket, b);
  assert.is(used(), 'a1 b1 c0');
  assert.not.ok(admission.tryOutbound(monoMs(0), ticket, c).ok);
  assert.is(used(), 'a1 b1 c0', 'the gateway before may still be asked');
  admission.release(ticket);
  assert.is(used(), 'a0 b0 c0');
});

test('throws when a call that was given back asks for more, since that is our own mistake', () => {
  const a = limited('a', {});
  const admission = new Admission(WIDE, [a]);
  const [ticket] = offer(admission, { at: 0, count: 1, from: a }).tickets;
  if (ticket === undefined) throw new Error('a call was refused');
  admission.release(ticket);
  assert.throws(() => admission.tryOutbound(monoMs(0), ticket, a));
});

test('keeps counting the calls that are up over a reload', () => {
  const a = limited('a', { channels: 5, cps: 5 });
  const admission = new Admission({ calls: 5, cps: 5 }, [a]);
  const { tickets } = offer(admission, { at: 0, count: 5, from: a });
  const smaller = limited('a', { channels: 3, cps: 1000 });
  admission.update(monoMs(0), { calls: 100, cps: 1000 }, [smaller]);
  for (const ticket of tickets.slice(0, 2)) admission.release(ticket);
  assert.is(offer(admission, { at: 5000, count: 1, from: smaller }).refusals.length, 1);
  for (const ticket of tickets.slice(2, 3)) admission.release(ticket);
  assert.is(offer(admission, { at: 5000, count: 5, from: smaller }).tickets.length, 1);
  assert.is(admission.calls, 3);
});

test('is no free second to reload', () => {
  const a = limited('a', { cps: 10 });
  const admission = new Admission(WIDE, [a]);
  offer(admission, { at: 0, count: 10, from: a });
  admission.update(monoMs(0), WIDE, [a]);
  assert.is(offer(admission, { at: 0, count: 5, from: a }).tickets.length, 0);
  assert.is(offer(admission, { at: 100, count: 5, from: a }).tickets.length, 1);
});

test('remembers a trunk that left until its last call ends, and finds it when it comes back', () => {
  const a = limited('a', { channels: 2 });
  const admission = new Admission(WIDE, [a]);
  const [first, second] = offer(admission, { at: 0, count: 2, from: a }).tickets;
  if (first === undefined || second === undefined) throw new Error('a call was refused');
  admission.update(monoMs(1), WIDE, []);
  admission.release(first);
  assert.is(admission.trunkLoads().length, 1);
  admission.update(monoMs(2), WIDE, [a]);
  assert.is(offer(admission, { at: 2, count: 5, from: a }).tickets.length, 1);
  admission.update(monoMs(3), WIDE, []);
  assert.is(offer(admission, { at: 3, count: 1, from: a }).tickets.length, 0);
  admission.release(second);
  assert.is(admission.trunkLoads().length, 1);
});

// Against naive models.

test('a call rate agrees with a bucket counted in whole tokens', () => {
  for (let seed = 0; seed < 100; seed += 1) {
    const random = seededRandom(seed);
    // Rates that divide a second into whole milliseconds keep the naive bucket free of rounding.
    const cps =
      [1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000][
        Math.floor(random.draw() * 16)
      ] ?? 1;
    const rate = new CallRate(cps);
    let milliTokens = cps * 1000;
    let now = 0;
    for (let step = 0; step < 500; step += 1) {
      const passedMs = random.draw() < 0.7 ? 0 : Math.floor(random.draw() * (3000 / cps));
      now += passedMs;
      milliTokens = Math.min(cps * 1000, milliTokens + passedMs * cps);
      const mayPass = milliTokens >= 1000;
      assert.is(rate.waitMs(monoMs(now)) === 0, mayPass, `seed ${seed} step ${step}`);
      if (!mayPass) continue;
      milliTokens -= 1000;
      rate.take(monoMs(now));
    }
  }
});

test('counts end at zero and never pass a cap, whatever calls do', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const random = seededRandom(seed);
    const trunks: readonly [Trunk, ...Trunk[]] = [
      limited('a', { channels: 4 }),
      limited('b', { channels: 2 }),
      limited('c', { channels: 7, cps: 3 }),
    ];
    const pick = (): Trunk => trunks[Math.floor(random.draw() * trunks.length)] ?? trunks[0];
    const admission = new Admission({ calls: 8, cps: 1000 }, trunks);
    const up: Ticket[] = [];
    for (let step = 0; step < 500; step += 1) {
      const now = monoMs(step * 20);
      const action = random.draw();
      const ticket = up[Math.floor(random.draw() * up.length)];
      if (action < 0.4) {
        const result = admission.tryAdmit(now, pick());
        if (result.ok) up.push(result.value);
      } else if (action < 0.7 && ticket !== undefined) admission.tryOutbound(now, ticket, pick());
      else if (ticket !== undefined)
        admission.release(up.splice(up.indexOf(ticket), 1)[0] ?? ticket);
      assert.is(admission.calls, up.length);
      assert.ok(admission.calls <= 8);
      for (const load of admission.trunkLoads())
        assert.ok(load.channelsUsed >= 0 && load.channelsUsed <= load.channels);
    }
    for (const ticket of up) admission.release(ticket);
    assert.equal(
      admission.trunkLoads().map(({ channelsUsed }) => channelsUsed),
      [0, 0, 0],
    );
    assert.is(admission.calls, 0);
  }
});

test.run();
