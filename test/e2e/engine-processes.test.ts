// Host and client in two processes, as they run in production: calls relayed across, each surviving the other's death.
import { existsSync, utimesSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/loopback.ts';
import { MediaPlace, Party, startHostProcess, TestEngine } from '../support/media.ts';
import { memoryOf, sweepSharedMemory } from '../support/shared-memory.ts';

const LOST = { what: 'engineLost', limitMs: 10_000 } as const;

test('a client in another process opens, links and closes endpoints', async () => {
  const place = new MediaPlace();
  const host = await startHostProcess(place.config({ threads: 2 }));
  const engine = new TestEngine(place);
  const party = await Party.open();
  const leg = await engine.openFor(party);
  await engine.link(leg.endpoint, leg.endpoint);
  party.sendRtp(leg.rtpPort);
  await party.gets((bytes) => bytes.length === 172, 'the echo');
  const closed = await engine.order({ kind: 'closeEndpoint', endpoint: leg.endpoint });
  assert.is(closed.kind === 'endpointClosed' && closed.counters.packetsReceived, 1);
  party.close();
  await engine.client.close();
  host.kill('SIGTERM');
  await until(() => host.exitCode !== null, { what: 'the host’s good end', limitMs: 10_000 });
  assert.is(host.exitCode, 0);
  assert.is(existsSync(`/dev/shm/${place.region}`), false);
  place.remove();
});

test('kill -9 of the host is heard as engineLost, and nothing of it stays behind', async () => {
  const place = new MediaPlace();
  const host = await startHostProcess(place.config());
  const engine = new TestEngine(place);
  const leg = await engine.open();
  host.kill('SIGKILL');
  await until(() => engine.heard.at(-1)?.kind === 'engineLost', LOST);
  assert.is(engine.client.submit([]), false);
  assert.is.not(engine.client.stats(leg.endpoint), undefined);
  await engine.client.close();
  assert.is(existsSync(`/dev/shm/${place.region}`), false);

  // The supervisor starts the next one; under a new name or, as here, the old.
  const next = await startHostProcess(place.config());
  const again = new TestEngine(place);
  assert.is(
    (await again.order({ kind: 'closeEndpoint', endpoint: leg.endpoint })).code,
    'HANDLE_STALE',
  );
  await again.client.close();
  next.kill('SIGTERM');
  await until(() => next.exitCode !== null, { what: 'the host’s good end', limitMs: 10_000 });
  place.remove();
});

test('a sweep takes what a killed host and its client left, and nothing of a living host', async () => {
  const place = new MediaPlace();
  const host = await startHostProcess(place.config());
  const memory = memoryOf(place.region);
  const hourAgo = Date.now() / 1000 - 3_600;
  utimesSync(memory, hourAgo, hourAgo);
  sweepSharedMemory();
  assert.ok(existsSync(memory), 'it is mapped');
  host.kill('SIGKILL');
  await until(() => host.signalCode !== null, { what: 'the host’s end', limitMs: 10_000 });
  assert.ok(existsSync(memory), 'nobody was told');
  sweepSharedMemory();
  assert.not(existsSync(memory));
  place.remove();
});

test('a host that is not there is a refusal', () => {
  const place = new MediaPlace();
  assert.throws(() => new TestEngine(place), /no live media host/);
  place.remove();
});

test.run();
