// The ticker's re-arming, in real time but without any assertion about it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { after, monoMs } from '../../../src/base/index.ts';
import { createTicker, systemNow } from '../../../src/transport/index.ts';

test('an earlier deadline replaces a later one, and one in the past comes at once', async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    const ticker = createTicker(() => {
      order.push('due');
      if (order.length === 2) {
        ticker.close();
        resolve();
        return null;
      }
      return monoMs(0);
    });
    ticker.arm(after(systemNow().mono, 3_600_000));
    ticker.arm(after(systemNow().mono, 1));
    ticker.arm(null);
  });
  assert.equal(order, ['due', 'due']);
});

test('a closed ticker calls nobody', async () => {
  let calls = 0;
  const ticker = createTicker(() => {
    calls += 1;
    return null;
  });
  ticker.arm(monoMs(0));
  ticker.close();
  ticker.arm(monoMs(0));
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(calls, 0);
});

test('the monotonic clock goes forward and the other one is this year or later', () => {
  const first = systemNow();
  assert.ok(systemNow().mono >= first.mono);
  assert.ok(first.epoch > Date.UTC(2024, 0));
});

test.run();
