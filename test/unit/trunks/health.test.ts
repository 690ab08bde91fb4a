// Gateways that fail, rest and come back.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { monoMs, seededRandom } from '../../../src/base/index.ts';
import type { HealthOutput } from '../../../src/trunks/index.ts';
import {
  BACK_OFF_MS,
  BACK_OFF_MS_MAX,
  FAILURES_TO_DOWN,
  GatewayHealth,
  RETRY_AFTER_S_MAX,
  gatewayId,
} from '../../../src/trunks/index.ts';

const GW = gatewayId('a/udp:192.0.2.1:5060');
const OTHER = gatewayId('a/udp:192.0.2.2:5060');

/** A health core with a clock that only `at` moves. */
class Bench {
  readonly core = new GatewayHealth();

  failed(at: number, retryAfterS: number | null = null): readonly HealthOutput[] {
    return this.core.handle(monoMs(at), { kind: 'failed', gateway: GW, retryAfterS });
  }

  answered(at: number): readonly HealthOutput[] {
    return this.core.handle(monoMs(at), { kind: 'answered', gateway: GW });
  }

  /** Down since `at`. */
  down(at: number): readonly HealthOutput[] {
    for (let count = 1; count < FAILURES_TO_DOWN; count += 1) assert.equal(this.failed(at), []);
    return this.failed(at);
  }
}

test('E22 takes a gateway down after failures in a row and not before', () => {
  const bench = new Bench();
  assert.equal(bench.down(0), [{ kind: 'gatewayDown', gateway: GW, backOffMs: BACK_OFF_MS }]);
  assert.is(bench.core.stateOf(GW), 'down');
  assert.is(bench.core.stateOf(OTHER), 'up');
  assert.is(bench.core.nextDeadline, BACK_OFF_MS);
});

test('forgets failures at the first answer between them', () => {
  const bench = new Bench();
  for (let count = 1; count < FAILURES_TO_DOWN; count += 1) bench.failed(count);
  assert.equal(bench.answered(10), []);
  for (let count = 1; count < FAILURES_TO_DOWN; count += 1) assert.equal(bench.failed(20), []);
  assert.is(bench.core.stateOf(GW), 'up');
});

test('E22 tries it again by itself when the back-off is over', () => {
  const bench = new Bench();
  bench.down(0);
  assert.equal(bench.core.handleDeadline(monoMs(BACK_OFF_MS - 1)), []);
  assert.is(bench.core.stateOf(GW), 'down');
  assert.equal(bench.core.handleDeadline(monoMs(BACK_OFF_MS)), [
    { kind: 'gatewayUp', gateway: GW, onTrial: true },
  ]);
  assert.is(bench.core.stateOf(GW), 'up');
  assert.is(bench.core.nextDeadline, null);
  assert.equal(bench.answered(BACK_OFF_MS + 1), [
    { kind: 'gatewayUp', gateway: GW, onTrial: false },
  ]);
});

test('takes one failure on trial for a proof and doubles the back-off up to its limit', () => {
  const bench = new Bench();
  bench.down(0);
  let now = 0;
  for (const backOffMs of [10_000, 20_000, 40_000, BACK_OFF_MS_MAX, BACK_OFF_MS_MAX]) {
    now = bench.core.nextDeadline ?? 0;
    bench.core.handleDeadline(monoMs(now));
    assert.equal(bench.failed(now), [{ kind: 'gatewayDown', gateway: GW, backOffMs }]);
  }
  bench.core.handleDeadline(monoMs(now + BACK_OFF_MS_MAX));
  bench.answered(now + BACK_OFF_MS_MAX);
  assert.equal(bench.down(now + BACK_OFF_MS_MAX), [
    { kind: 'gatewayDown', gateway: GW, backOffMs: BACK_OFF_MS },
  ]);
});

test('does not lengthen the back-off for calls that were on their way when it went down', () => {
  const bench = new Bench();
  bench.down(0);
  for (let at = 1; at < 50; at += 1) assert.equal(bench.failed(at), []);
  assert.is(bench.core.nextDeadline, BACK_OFF_MS);
});

test('comes up at an answer while it is down', () => {
  const bench = new Bench();
  bench.down(0);
  assert.equal(bench.answered(10), [{ kind: 'gatewayUp', gateway: GW, onTrial: false }]);
  assert.is(bench.core.nextDeadline, null);
});

test('E22 honours Retry-After at once, to its end, and takes the longest of several', () => {
  const bench = new Bench();
  assert.equal(bench.failed(0, 30), [{ kind: 'gatewayResting', gateway: GW, restMs: 30_000 }]);
  assert.is(bench.core.stateOf(GW), 'resting');
  assert.equal(bench.failed(1, 10), []);
  assert.is(bench.core.nextDeadline, 30_000);
  assert.equal(bench.failed(2, 60), []);
  assert.is(bench.core.nextDeadline, 60_002);
  assert.equal(bench.answered(3), []);
  assert.is(bench.core.stateOf(GW), 'resting');
  assert.equal(bench.core.handleDeadline(monoMs(60_002)), [
    { kind: 'gatewayUp', gateway: GW, onTrial: true },
  ]);
});

test('believes no Retry-After beyond the limit, and one of 0 is none', () => {
  const bench = new Bench();
  assert.equal(bench.failed(0, 0), []);
  assert.equal(bench.failed(0, 1e9), [
    { kind: 'gatewayResting', gateway: GW, restMs: RETRY_AFTER_S_MAX * 1000 },
  ]);
});

test('forgets gateways that a reload dropped and keeps the others', () => {
  const bench = new Bench();
  bench.down(0);
  bench.core.handle(monoMs(1), { kind: 'failed', gateway: OTHER, retryAfterS: 5 });
  bench.core.handle(monoMs(2), { kind: 'configured', gateways: [OTHER] });
  assert.is(bench.core.stateOf(GW), 'up');
  assert.is(bench.core.stateOf(OTHER), 'resting');
  assert.is(bench.core.nextDeadline, 5001);
});

test('always ends with every gateway up again when nothing more happens, whatever happened before', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = seededRandom(seed);
    const core = new GatewayHealth();
    let now = 0;
    for (let step = 0; step < 60; step += 1) {
      now += Math.floor(random.draw() * 8000);
      const gateway = random.draw() < 0.5 ? GW : OTHER;
      const retryAfterS = random.draw() < 0.2 ? Math.floor(random.draw() * 400) : null;
      if (core.nextDeadline !== null && core.nextDeadline <= now) core.handleDeadline(monoMs(now));
      core.handle(
        monoMs(now),
        random.draw() < 0.6
          ? { kind: 'failed', gateway, retryAfterS }
          : { kind: 'answered', gateway },
      );
      const away = [GW, OTHER].filter((id) => core.stateOf(id) !== 'up').length;
      assert.is(core.nextDeadline !== null, away > 0, `seed ${seed} step ${step}`);
    }
    for (let guard = 0; core.nextDeadline !== null; guard += 1) {
      assert.ok(guard < 3);
      core.handleDeadline(core.nextDeadline);
    }
    assert.equal([core.stateOf(GW), core.stateOf(OTHER)], ['up', 'up']);
  }
});

test.run();
