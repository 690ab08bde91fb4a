// The order in which gateways are tried.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../src/base/index.ts';
import type { GatewayState, PlanInputs } from '../../../src/trunks/index.ts';
import { planAttempts } from '../../../src/trunks/index.ts';
import { trunk } from './build.ts';

interface Gw {
  readonly host: string;
  readonly priority?: number;
  readonly weight?: number;
}

const made = (name: string, ...gateways: readonly Gw[]): ReturnType<typeof trunk> =>
  trunk(name, {
    gateways: gateways.map(({ host, priority = 1, weight = 1 }) => ({
      uri: `sip:${host}`,
      priority,
      weight,
    })),
  });

const allUp = (): GatewayState => 'up';
const hosts = (inputs: PlanInputs): string =>
  planAttempts(inputs)
    .map(({ gateway }) => gateway.target.host)
    .join(' ');

/** Answers the given draws in turn and fails on one too many. */
function draws(...values: readonly number[]): () => number {
  const left = [...values];
  return () => {
    const value = left.shift();
    if (value === undefined) throw new Error('one draw too many');
    return value;
  };
}

test('tries lower priorities first and trunks in the order of the route', () => {
  const one = made('one', { host: 'x', priority: 20 }, { host: 'y', priority: 10 });
  const two = made('two', { host: 'z', priority: 1 });
  assert.is(hosts({ trunks: [one, two], draw: draws(), stateOf: allUp }), 'y x z');
});

test('gives each gateway of a priority its share of the draw', () => {
  const trunks = [made('a', { host: 'x', weight: 1 }, { host: 'y', weight: 3 })];
  const first = (point: number): string => hosts({ trunks, draw: draws(point), stateOf: allUp });
  assert.is(first(0), 'x y');
  assert.is(first(0.2499), 'x y');
  assert.is(first(0.25), 'y x');
  assert.is(first(0.9999), 'y x');
});

test('draws without putting back', () => {
  const trunks = [
    made('a', { host: 'x', weight: 2 }, { host: 'y', weight: 1 }, { host: 'z', weight: 1 }),
  ];
  assert.is(hosts({ trunks, draw: draws(0.6, 0.7), stateOf: allUp }), 'y z x');
  assert.is(hosts({ trunks, draw: draws(0.6, 0.6), stateOf: allUp }), 'y x z');
});

test('leaves weight 0 for the end of its priority', () => {
  const trunks = [
    made(
      'a',
      { host: 'zero', weight: 0 },
      { host: 'x', weight: 5 },
      { host: 'later', priority: 2 },
    ),
  ];
  for (const point of [0, 0.5, 0.999])
    assert.is(hosts({ trunks, draw: draws(point), stateOf: allUp }), 'x zero later');
});

test('chooses evenly when every weight is 0', () => {
  const trunks = [made('a', { host: 'x', weight: 0 }, { host: 'y', weight: 0 })];
  assert.is(hosts({ trunks, draw: draws(0.49), stateOf: allUp }), 'x y');
  assert.is(hosts({ trunks, draw: draws(0.5), stateOf: allUp }), 'y x');
});

test('puts gateways that are down behind all others and leaves resting ones out', () => {
  const trunks = [
    made('a', { host: 'down' }, { host: 'up', priority: 2 }),
    made('b', { host: 'resting' }, { host: 'second', priority: 2 }),
  ];
  const stateOf: PlanInputs['stateOf'] = (id) =>
    id.includes('down') ? 'down' : id.includes('resting') ? 'resting' : 'up';
  const plan = planAttempts({ trunks, draw: draws(), stateOf });
  assert.equal(
    plan.map(({ trunk: { name }, gateway, state }) => `${name} ${gateway.target.host} ${state}`),
    ['a up up', 'b second up', 'a down down'],
  );
});

test('plans nothing without gateways', () => {
  assert.equal(planAttempts({ trunks: [], draw: draws(), stateOf: allUp }), []);
  assert.equal(planAttempts({ trunks: [trunk('a')], draw: draws(), stateOf: allUp }), []);
  assert.equal(
    planAttempts({ trunks: [made('a', { host: 'x' })], draw: draws(), stateOf: () => 'resting' }),
    [],
  );
});

test('spreads 10,000 calls exactly by weight and tries every gateway once in each', () => {
  const random = seededRandom(3);
  const trunks = [
    made('a', { host: 'x', weight: 6 }, { host: 'y', weight: 3 }, { host: 'z', weight: 1 }),
  ];
  const firsts = new Map<string, number>();
  for (let call = 0; call < 10_000; call += 1) {
    // The first draw walks evenly over [0, 1), so the shares come out exact.
    const points = [call / 10_000, random.draw()];
    const order = hosts({ trunks, draw: draws(...points), stateOf: allUp }).split(' ');
    assert.equal([...order].sort(), ['x', 'y', 'z']);
    firsts.set(order[0] ?? '', (firsts.get(order[0] ?? '') ?? 0) + 1);
  }
  assert.equal(Object.fromEntries(firsts), { x: 6000, y: 3000, z: 1000 });
});

test.run();
