// The ticker's re-arming, in real time but without any assertion about it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
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

/** Holds the event loop up for longer than any timer of the test is set to. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('after the event loop was held up, all that stands unread is read before anything is due', async () => {
  const datagrams = 200;
  const receiver = createSocket('udp4');
  const sender = createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  sender.connect(receiver.address().port, '127.0.0.1');
  await once(sender, 'connect');
  let read = 0;
  const readWhenDue = await new Promise<number>((resolve) => {
    const ticker = createTicker(() => {
      resolve(read);
      return null;
    });
    const at = after(systemNow().mono, 1);
    receiver.on('message', () => {
      read += 1;
      ticker.arm(at);
    });
    // After an immediate the loop begins anew, and with its timers.
    setImmediate(() => {
      ticker.arm(at);
      for (let sent = 0; sent < datagrams; sent += 1) sender.send('x');
      block(100);
    });
  });
  sender.close();
  receiver.close();
  assert.is(readWhenDue, datagrams);
});

test('what is due comes also while there is no end of inputs', async () => {
  let due = false;
  const ticker = createTicker(() => {
    due = true;
    return null;
  });
  const at = after(systemNow().mono, 1);
  ticker.arm(at);
  block(100);
  const rounds = async (): Promise<void> => {
    for (let input = 0; input < 100; input += 1) ticker.arm(at);
    await new Promise((resolve) => setImmediate(resolve));
    if (!due) await rounds();
  };
  await rounds();
  ticker.close();
  assert.ok(due);
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
