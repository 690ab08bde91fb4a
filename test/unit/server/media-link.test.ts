// The hold on the media process: orders in batches, a full ring, one media process after another.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EndpointHandle } from '../../../src/base/index.ts';
import { endpointHandle, err, ok, orderId, silentLog } from '../../../src/base/index.ts';
import type {
  EngineClient,
  EngineEvent,
  EngineOrder,
  NodeCounters,
  RelayTimes,
} from '../../../src/engine/index.ts';
import { NODE_COUNTERS } from '../../../src/engine/index.ts';
import {
  BATCH_ORDERS,
  MediaLink,
  ORDERS_WAITING_MAX,
  PULSES_MISSED_MAX,
} from '../../../src/server/media-link.ts';

const PLACE = { region: 'r', runDir: '/nowhere' };
const HANDLE: EndpointHandle = endpointHandle(7);

const order = (number: number): EngineOrder => ({
  kind: 'closeEndpoint',
  order: orderId(number),
  endpoint: HANDLE,
});
const orders = (count: number, from = 0): EngineOrder[] =>
  Array.from({ length: count }, (_, index) => order(from + index));

class FakeClient implements EngineClient {
  readonly batches: number[][] = [];
  /** Batches taken before the ring is full. */
  room = Number.POSITIVE_INFINITY;
  closed = false;
  readonly tell: (events: readonly EngineEvent[]) => void;

  constructor(tell: (events: readonly EngineEvent[]) => void) {
    this.tell = tell;
  }

  submit(batch: readonly EngineOrder[]): boolean {
    if (this.room === 0) return false;
    this.room -= 1;
    this.batches.push(batch.map((one) => one.order));
    return true;
  }

  stats(): null {
    return null;
  }

  ticks = 0;

  nodeCounters(): NodeCounters {
    const counters = NODE_COUNTERS.map((name) => [name, name === 'ticks' ? this.ticks : 0]);
    return Object.fromEntries(counters) as NodeCounters;
  }

  relayTimes(): RelayTimes {
    return { counts: [], sumUs: 0 };
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

class World {
  readonly clients: FakeClient[] = [];
  readonly heard: string[] = [];
  isThere = true;
  readonly link = new MediaLink({
    attach: (_, onEvents) => {
      if (!this.isThere) return err({ code: 'ENGINE_LOST', message: 'gone' });
      const client = new FakeClient(onEvents);
      this.clients.push(client);
      return ok(client);
    },
    log: silentLog,
    onEvent: ({ kind }) => this.heard.push(kind),
    onReady: (ready) => this.heard.push(ready ? 'ready' : 'not ready'),
    onStuck: (region) => this.heard.push(`stuck ${region}`),
  });

  client(index: number): FakeClient {
    const client = this.clients[index];
    if (client === undefined) throw new Error(`no client ${index}`);
    return client;
  }
}

/** A turn of the event loop, in which planned hand-overs happen. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('orders of one turn go over together, in order', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.submit([order(1)]);
  world.link.submit([order(2), order(3)]);
  assert.equal(world.client(0).batches, []);
  await turn();
  assert.equal(world.client(0).batches, [[1, 2, 3]]);
});

test('no hand-over is larger than a batch', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.submit(orders(BATCH_ORDERS + 1));
  await turn();
  assert.equal(
    world.client(0).batches.map((batch) => batch.length),
    [BATCH_ORDERS, 1],
  );
});

test('what a full ring refused goes over later, in order and once', async () => {
  const world = new World();
  world.link.attach(PLACE);
  const client = world.client(0);
  client.room = 1;
  world.link.submit(orders(BATCH_ORDERS + 2));
  await turn();
  assert.is(client.batches.length, 1);
  world.link.submit([order(9000)]);
  client.room = 10;
  await until(() => client.batches.length === 2);
  assert.equal(client.batches[1], [BATCH_ORDERS, BATCH_ORDERS + 1, 9000]);
});

test('an engine that takes no orders is given up once too many wait, never from inside submit', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.client(0).room = 0;
  world.link.submit(orders(ORDERS_WAITING_MAX + 1));
  assert.equal(world.heard, ['ready']);
  await turn();
  assert.equal(world.heard, ['ready', 'not ready', 'engineLost', 'stuck r']);
  assert.is(world.link.ready, false);
  assert.ok(world.client(0).closed);
});

test('an engine whose threads stand still for five seconds is given up, one that ever moves is not', () => {
  const world = new World();
  world.link.attach(PLACE);
  const beat = (moves: boolean): void => {
    if (moves) world.client(0).ticks += 1;
    world.link.feelPulse();
  };
  beat(true);
  for (let i = 1; i < PULSES_MISSED_MAX; i += 1) beat(false);
  beat(true);
  for (let i = 1; i < PULSES_MISSED_MAX; i += 1) beat(false);
  assert.equal(world.heard, ['ready']);
  beat(false);
  assert.equal(world.heard, ['ready', 'not ready', 'engineLost', 'stuck r']);
  assert.ok(world.client(0).closed);
  world.link.feelPulse();
  assert.is(world.heard.length, 4);
});

test('a lost engine is told once, and orders without an engine are dropped', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.submit([order(1)]);
  world.client(0).tell([{ kind: 'mediaStarted', endpoint: HANDLE }, { kind: 'engineLost' }]);
  world.client(0).tell([{ kind: 'engineLost' }]);
  world.link.submit([order(2)]);
  await turn();
  assert.equal(world.heard, ['ready', 'mediaStarted', 'not ready', 'engineLost']);
  assert.equal(world.client(0).batches, []);
});

test('a new media process ends the calls of the old one even when nobody noticed its death', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.submit([order(1)]);
  world.link.attach(PLACE);
  await turn();
  assert.equal(world.heard, ['ready', 'not ready', 'engineLost', 'ready']);
  assert.equal(world.client(1).batches, []);
});

test('late news of the old media process does not touch the new one', () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.attach(PLACE);
  world.heard.length = 0;
  world.client(0).tell([{ kind: 'mediaStarted', endpoint: HANDLE }, { kind: 'engineLost' }]);
  assert.equal(world.heard, []);
  assert.ok(world.link.ready);
});

test('a media process that is not there is an error and leaves the link without one', () => {
  const world = new World();
  world.isThere = false;
  const attached = world.link.attach(PLACE);
  assert.is(attached.ok, false);
  assert.is(world.link.ready, false);
});

test('a media process that can’t be joined is told as stuck by its own region, so that it is replaced', () => {
  const world = new World();
  world.link.attach(PLACE);
  world.isThere = false;
  world.link.attach({ ...PLACE, region: 'next' });
  assert.equal(world.heard, ['ready', 'not ready', 'engineLost', 'stuck next']);
});

test('close leaves the media process without a word', async () => {
  const world = new World();
  world.link.attach(PLACE);
  world.link.submit([order(1)]);
  await world.link.close();
  world.client(0).tell([{ kind: 'engineLost' }]);
  await turn();
  assert.ok(world.client(0).closed);
  assert.equal(world.heard, ['ready']);
});

test.run();
