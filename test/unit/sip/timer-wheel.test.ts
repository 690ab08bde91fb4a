// The timer wheel against hand-written cases and against a ten-line model on random operations.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { monoMs, seededRandom } from '../../../src/base/index.ts';
import { NO_TIMER, TICK_MS, TimerWheel } from '../../../src/sip/timer-wheel.ts';

function fired(wheel: TimerWheel, nowMs: number): number[] {
  const ids: number[] = [];
  wheel.expire(monoMs(nowMs), (id) => ids.push(id));
  return ids;
}

test('an empty wheel has no deadline and fires nothing', () => {
  const wheel = new TimerWheel();
  assert.is(wheel.nextDeadline, null);
  assert.equal(fired(wheel, 1e9), []);
  assert.is(wheel.nextDeadline, null);
});

test('a timer fires at its exact tick and not one tick earlier', () => {
  for (const delayMs of [0, 10, 500, 2550, 2560, 2570, 32_000, 163_840, 10_485_760, 86_400_000]) {
    const wheel = new TimerWheel();
    wheel.schedule(monoMs(1000), delayMs, 7);
    assert.is(wheel.nextDeadline, 1000 + delayMs, `delay ${delayMs}`);
    if (delayMs > 0) assert.equal(fired(wheel, 1000 + delayMs - TICK_MS), []);
    assert.is(wheel.nextDeadline, 1000 + delayMs, `delay ${delayMs} after an early expire`);
    assert.equal(fired(wheel, 1000 + delayMs), [7]);
    assert.is(wheel.size, 0);
  }
});

test('a fraction of a tick is rounded up, so a timer is never early', () => {
  const wheel = new TimerWheel();
  wheel.schedule(monoMs(1003.7), 500, 1);
  assert.is(wheel.nextDeadline, 1510);
  assert.equal(fired(wheel, 1509.9), []);
  assert.equal(fired(wheel, 1510), [1]);
});

test('a timer beyond the reach of the coarsest level still fires on time', () => {
  const wheel = new TimerWheel();
  const monthMs = 30 * 86_400_000;
  wheel.schedule(monoMs(0), monthMs, 3);
  for (let nowMs = 0; nowMs < monthMs; nowMs += 3_600_000) assert.equal(fired(wheel, nowMs), []);
  assert.is(wheel.nextDeadline, monthMs);
  assert.equal(fired(wheel, monthMs), [3]);
});

test('timers fire in order of their deadlines when time jumps over many of them', () => {
  const wheel = new TimerWheel();
  const delays = [90_000_000, 20, 700_000, 5_000, 10, 2_600, 170_000];
  for (const delayMs of delays) wheel.schedule(monoMs(0), delayMs, delayMs);
  assert.equal(
    fired(wheel, 1e8),
    [...delays].sort((a, b) => a - b),
  );
});

test('cancelling stops a timer; cancelling twice or after firing hits no other', () => {
  const wheel = new TimerWheel();
  const first = wheel.schedule(monoMs(0), 100, 1);
  wheel.cancel(first);
  assert.is(wheel.nextDeadline, null);
  const second = wheel.schedule(monoMs(0), 100, 2);
  assert.is.not(second, first);
  wheel.cancel(first);
  wheel.cancel(NO_TIMER);
  assert.equal(fired(wheel, 100), [2]);
  const third = wheel.schedule(monoMs(100), 100, 3);
  wheel.cancel(second);
  assert.equal(fired(wheel, 200), [3]);
  wheel.cancel(third);
  assert.is(wheel.size, 0);
});

test('a timer cancelled by one that fires in the same tick stays silent', () => {
  const wheel = new TimerWheel();
  wheel.schedule(monoMs(0), 50, 1);
  const victim = wheel.schedule(monoMs(0), 50, 2);
  const ids: number[] = [];
  wheel.expire(monoMs(50), (id) => {
    ids.push(id);
    wheel.cancel(victim);
  });
  assert.equal(ids, [1]);
});

test('a timer scheduled without delay while firing waits for the next tick', () => {
  const wheel = new TimerWheel();
  wheel.schedule(monoMs(0), 0, 0);
  let count = 0;
  const again = (): void => {
    count += 1;
    wheel.schedule(monoMs(0), 0, 0);
  };
  wheel.expire(monoMs(0), again);
  assert.is(count, 1);
  assert.is(wheel.nextDeadline, TICK_MS);
});

test('time that goes backwards fires nothing and breaks nothing', () => {
  const wheel = new TimerWheel();
  wheel.schedule(monoMs(10_000), 500, 1);
  assert.equal(fired(wheel, 10_400), []);
  assert.equal(fired(wheel, 9_000), []);
  assert.equal(fired(wheel, 10_500), [1]);
});

test('ten thousand timers grow the pool and all fire once', () => {
  const wheel = new TimerWheel();
  for (let id = 0; id < 10_000; id += 1) wheel.schedule(monoMs(0), (id % 977) * 37, id);
  assert.is(wheel.size, 10_000);
  const ids = fired(wheel, 977 * 37);
  assert.is(new Set(ids).size, 10_000);
  assert.is(ids.length, 10_000);
});

/** What the wheel should do, written without thought for speed. */
class NaiveTimers {
  readonly #timers = new Map<number, { dueMs: number; id: number }>();
  schedule(nowMs: number, delayMs: number, key: number, id: number): void {
    this.#timers.set(key, { dueMs: Math.ceil((nowMs + delayMs) / TICK_MS) * TICK_MS, id });
  }
  cancel(key: number): void {
    this.#timers.delete(key);
  }
  expire(nowMs: number): { dueMs: number; id: number }[] {
    const due = [...this.#timers].filter(([, timer]) => timer.dueMs <= nowMs);
    for (const [key] of due) this.#timers.delete(key);
    return due.map(([, timer]) => timer);
  }
  least(): number {
    return Math.min(...[...this.#timers.values()].map((timer) => timer.dueMs));
  }
  get size(): number {
    return this.#timers.size;
  }
}

const byDueThenId = (a: { dueMs: number; id: number }, b: { dueMs: number; id: number }): number =>
  a.dueMs - b.dueMs || a.id - b.id;

test('behaves like the naive model under random operations from 200 seeds', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seededRandom(seed);
    const wheel = new TimerWheel();
    const model = new NaiveTimers();
    const dueOf = new Map<number, number>();
    const handles: number[] = [];
    let nowMs = Math.floor(random.draw() * 1e6) / 4;
    for (let step = 0; step < 300; step += 1) {
      const choice = random.draw();
      if (choice < 0.55) {
        const delayMs = Math.floor(10 ** (random.draw() * 9.6)) / 2;
        const handle = wheel.schedule(monoMs(nowMs), delayMs, step);
        handles.push(handle);
        model.schedule(nowMs, delayMs, handle, step);
        dueOf.set(step, Math.ceil((nowMs + delayMs) / TICK_MS) * TICK_MS);
      } else if (choice < 0.7 && handles.length > 0) {
        const handle = handles[Math.floor(random.draw() * handles.length)] ?? NO_TIMER;
        wheel.cancel(handle);
        model.cancel(handle);
      } else {
        const deadline = wheel.nextDeadline;
        if (choice < 0.85 && deadline !== null) nowMs = Math.max(nowMs, deadline);
        else nowMs += Math.floor(10 ** (random.draw() * 9)) / 2;
        const got = fired(wheel, nowMs).map((id) => ({ dueMs: dueOf.get(id) ?? -1, id }));
        const inOrder = got.every((timer, i) => timer.dueMs >= (got[i - 1]?.dueMs ?? 0));
        assert.ok(inOrder, `seed ${seed} step ${step}: deadlines out of order`);
        const expected = model.expire(nowMs).sort(byDueThenId);
        assert.equal([...got].sort(byDueThenId), expected, `seed ${seed} step ${step}`);
      }
      assert.is(wheel.size, model.size);
      const deadline = wheel.nextDeadline;
      if (model.size === 0) assert.is(deadline, null);
      else assert.ok(deadline !== null && deadline <= model.least(), `seed ${seed}: late deadline`);
    }
  }
});

test.run();
