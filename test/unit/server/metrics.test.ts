// Figures for Prometheus: names that an operator's alerts rely on, and what is counted under them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Metrics } from '../../../src/server/metrics.ts';
import { aRecord } from '../api/fakes.ts';
import { noPortDrops, trunkTables } from '../../../src/server/readings.ts';
import { B2buaDriver, standingCall } from '../../support/b2bua-driver.ts';

async function lineOf(metrics: Metrics, start: string): Promise<string | undefined> {
  const text = await metrics.registry.metrics();
  return text.split('\n').find((line) => line.startsWith(start));
}

test('counts refused INVITEs by code and trunk', async () => {
  const metrics = new Metrics();
  metrics.rejected('ROUTE_NOT_FOUND', 'a');
  metrics.rejected('ROUTE_NOT_FOUND', 'a');
  metrics.rejected('SOURCE_NOT_ALLOWED', null);
  const name = 'trunkyard_calls_rejected_total';
  assert.is(
    await lineOf(metrics, `${name}{code="ROUTE_NOT_FOUND"`),
    `${name}{code="ROUTE_NOT_FOUND",trunk="a"} 2`,
  );
  assert.is(
    await lineOf(metrics, `${name}{code="SOURCE_NOT_ALLOWED"`),
    `${name}{code="SOURCE_NOT_ALLOWED",trunk=""} 1`,
  );
});

test('counts refused messages by code', async () => {
  const metrics = new Metrics();
  metrics.refused('MESSAGE_MALFORMED');
  assert.is(
    await lineOf(metrics, 'trunkyard_sip_refused_total{'),
    'trunkyard_sip_refused_total{code="MESSAGE_MALFORMED"} 1',
  );
});

test('counts answered legs that were transcoded or encrypted', async () => {
  const metrics = new Metrics();
  const leg = aRecord(1);
  const answered = {
    ...leg,
    answeredAt: leg.startedAt,
    transcoded: true,
    srtp: 'AEAD_AES_128_GCM',
  };
  metrics.facts([
    { kind: 'leg.ended', leg: answered },
    { kind: 'leg.ended', leg: { ...answered, srtp: null } },
    { kind: 'leg.ended', leg: { ...answered, answeredAt: null } },
    { kind: 'leg.ended', leg: { ...answered, transcoded: false, srtp: null } },
  ]);
  const transcoded = 'trunkyard_legs_transcoded_total{direction="inbound"}';
  assert.is(await lineOf(metrics, transcoded), `${transcoded} 2`);
  const encrypted = 'trunkyard_legs_encrypted_total{direction="inbound",suite="AEAD_AES_128_GCM"}';
  assert.is(await lineOf(metrics, encrypted), `${encrypted} 1`);
});

test('a reading is taken at each look, and a counter follows its owner’s restart', async () => {
  const metrics = new Metrics();
  let value = 5;
  metrics.addReadings([
    { type: 'gauge', name: 'level', help: 'h', read: () => value },
    { type: 'counter', name: 'growing', help: 'h', read: () => value },
  ]);
  assert.is(await lineOf(metrics, 'level '), 'level 5');
  assert.is(await lineOf(metrics, 'growing '), 'growing 5');
  value = 2;
  assert.is(await lineOf(metrics, 'growing '), 'growing 2');
  assert.is(await lineOf(metrics, '# TYPE growing'), '# TYPE growing counter');
});

test('a table has a row for each thing that there is at that look', async () => {
  const metrics = new Metrics();
  let rows: readonly (readonly [string, number])[] = [
    ['a', 1],
    ['b', 0],
  ];
  metrics.addTables([{ name: 'level', help: 'h', label: 'trunk', read: () => rows }]);
  assert.is(await lineOf(metrics, 'level{trunk="a"}'), 'level{trunk="a"} 1');
  assert.is(await lineOf(metrics, 'level{trunk="b"}'), 'level{trunk="b"} 0');
  rows = [['b', 5]];
  assert.is(await lineOf(metrics, 'level{trunk="a"}'), undefined);
  assert.is(await lineOf(metrics, 'level{trunk="b"}'), 'level{trunk="b"} 5');
});

test('E17 E22 a trunk’s channels and each gateway’s health are read as they are', () => {
  const driver = new B2buaDriver();
  const tables = trunkTables(driver);
  const rows = (name: string): unknown =>
    Object.fromEntries(tables.find((table) => table.name === `trunkyard_${name}`)?.read() ?? []);
  standingCall(driver);
  assert.equal(rows('trunk_channels_used'), { in: 1, out: 1 });
  assert.equal(rows('trunk_channels'), { in: 100, out: 100 });
  const gateways = driver.book.trunks.flatMap((trunk) => trunk.gateways);
  const [first, second] = gateways.map(({ id }) => id);
  if (first === undefined || second === undefined) throw new Error('the driver has two gateways');
  assert.equal(rows('gateway_up'), { [first]: 1, [second]: 1 });
  driver.health.handle(driver.now.mono, { kind: 'failed', gateway: first, retryAfterS: 9 });
  assert.equal(rows('gateway_up'), { [first]: 0, [second]: 1 });
});

test('A28 a histogram counted elsewhere is read at each look, its buckets summed up from below', async () => {
  const metrics = new Metrics();
  let counts = [1, 2, 3];
  metrics.addHistogram({
    name: 'relay_seconds',
    help: 'h',
    bounds: [0.000005, 0.1],
    read: () => ({ counts, sum: 0.5 }),
  });
  const lines = async (): Promise<readonly string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => /relay_seconds/.test(line));
  assert.equal(await lines(), [
    '# HELP relay_seconds h',
    '# TYPE relay_seconds histogram',
    'relay_seconds_bucket{le="0.000005"} 1',
    'relay_seconds_bucket{le="0.1"} 3',
    'relay_seconds_bucket{le="+Inf"} 6',
    'relay_seconds_sum 0.5',
    'relay_seconds_count 6',
  ]);
  counts = [0, 0, 0];
  assert.is((await lines()).at(-1), 'relay_seconds_count 0');
});

test('A30 the kernel’s no-port drops are found by name among the Udp figures', () => {
  const text = [
    'Tcp: NoPorts 1',
    'Udp: InDatagrams NoPorts InErrors',
    'Udp: 100 42 7',
    'UdpLite: InDatagrams NoPorts',
    'UdpLite: 0 9',
  ].join('\n');
  assert.is(noPortDrops(text), 42);
  assert.is(noPortDrops(''), 0);
  assert.is(noPortDrops('Udp: InDatagrams\nUdp: 5'), 0);
});

test.run();
