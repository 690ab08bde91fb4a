// The store as the server sees it: facts in, records and objects out, health, and its end.
import { EventEmitter, once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { epochMs, type DomainEvent, type LegId } from '../../../src/base/index.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { nodeFiles } from '../../../src/store/journal.ts';
import {
  openStore,
  type JournalFiles,
  type LegPage,
  type LegQuery,
  type Store,
  type StoreHealth,
} from '../../../src/store/index.ts';
import {
  aFolder,
  aLegId,
  aLegRecord,
  allLegs,
  anOpenStore,
  answered,
  ended,
  FakeTime,
  optionsIn,
  removeFolders,
  START_MS,
  started,
} from './builders.ts';

test('commits what was appended after a short wait, without being asked', async () => {
  const time = new FakeTime();
  const store = await anOpenStore(optionsIn(aFolder(), time));
  store.append([started(1), answered(1), ended(1)]);
  assert.is(store.stats().entriesBehind, 3);
  time.pass(25);
  // Questions are answered in the order of arrival, so this one comes after the commit.
  assert.equal(await allLegs(store), [aLegRecord(1)]);
  assert.is(store.stats().entriesBehind, 0);
  assert.is(store.stats().recordsWritten, 1);
  await store.close();
});

test('commits 500 facts at once without waiting for the timer', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  for (let i = 0; i < 250; i += 1) store.append([started(i), ended(i)]);
  assert.is((await allLegs(store)).length, 250);
  await store.close();
});

test('settled resolves when all is in the database', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  for (let i = 0; i < 50; i += 1) store.append([started(i), ended(i)]);
  assert.ok((await store.settled()).ok);
  assert.is(store.stats().entriesBehind, 0);
  assert.ok((await store.settled()).ok, 'with nothing new as well');
  await store.close();
});

const aLegEnding = (number: number, afterMs: number): DomainEvent[] => [
  started(number),
  ended(number, { endedAt: epochMs(START_MS + afterMs) }),
];

async function listed(store: Store, query: LegQuery): Promise<LegPage & { ids: LegId[] }> {
  const page = await store.listLegs(query);
  if (!page.ok) throw new Error(page.error.message);
  return { ...page.value, ids: page.value.legs.map((leg) => leg.legId) };
}

test('pages in the order of commit, without repeating or losing a record', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  for (const [number, endMs] of [
    [1, 30],
    [2, 10],
    [3, 20],
    [4, 20],
    [5, 20],
  ] as const) {
    store.append(aLegEnding(number, endMs));
  }
  await store.settled();
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: LegPage & { ids: LegId[] } = await listed(store, {
      limit: 2,
      ...(cursor === null ? {} : { cursor }),
    });
    seen.push(...page.ids);
    cursor = page.nextCursor;
  } while (cursor !== null);
  assert.equal(seen, [1, 2, 3, 4, 5].map(aLegId));
  await store.close();
});

test('gives a record that is committed long after its leg’s end to whoever goes on where he stopped', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  store.append([...aLegEnding(1, 50), ...aLegEnding(2, 60), ...aLegEnding(3, 200)]);
  await store.settled();
  const period = { from: epochMs(START_MS + 40), to: epochMs(START_MS + 100), limit: 10 };
  const all = await listed(store, { limit: 10 });
  const first = await listed(store, period);
  assert.equal(first.ids, [1, 2].map(aLegId));
  // Ended first of all, but its last counters came late.
  store.append(aLegEnding(4, 45));
  await store.settled();
  assert.equal((await listed(store, { limit: 10, cursor: all.resumeCursor })).ids, [aLegId(4)]);
  assert.equal((await listed(store, { ...period, cursor: first.resumeCursor })).ids, [aLegId(4)]);
  await store.close();
});

test('ends a period’s pages at what was committed when the first was asked for', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  store.append([...aLegEnding(1, 10), ...aLegEnding(2, 10), ...aLegEnding(3, 10)]);
  await store.settled();
  const period = { from: epochMs(START_MS), limit: 2 };
  const first = await listed(store, period);
  store.append(aLegEnding(4, 10));
  await store.settled();
  const cursor = first.nextCursor ?? '';
  const second = await listed(store, { ...period, cursor });
  assert.equal(second.ids, [aLegId(3)]);
  assert.is(second.nextCursor, null);
  const none = await listed(store, { from: epochMs(START_MS + 11), limit: 2 });
  assert.equal(none.ids, []);
  await store.close();
});

test('walks records by commit and by trunk with an index of their own, and never sorts', async () => {
  const options = optionsIn(aFolder(), new FakeTime());
  await (await anOpenStore(options)).close();
  const { sqlite, db } = await openDatabase(options.url.replace('sqlite:', ''));
  const plans: string[] = [];
  for (const where of ['seq > 1 AND seq <= 9 AND ended_at + 0 >= 5', "seq > 1 AND trunk = 't'"]) {
    const rows = sqlite
      .prepare(`EXPLAIN QUERY PLAN SELECT * FROM legs WHERE ${where} ORDER BY seq LIMIT 3`)
      .all() as { detail: string }[];
    plans.push(...rows.map(({ detail }) => detail));
  }
  assert.equal(plans, [
    'SEARCH legs USING INDEX legs_by_commit (seq>? AND seq<?)',
    'SEARCH legs USING INDEX legs_by_trunk (trunk=? AND seq>?)',
  ]);
  await db.destroy();
});

test('selects by end time and trunk', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  for (const number of [1, 2, 3, 4]) {
    store.append([
      started(number),
      ended(number, {
        endedAt: epochMs(START_MS + number),
        trunk: number === 4 ? null : `t${number % 2}`,
      }),
    ]);
  }
  await store.settled();
  const filter = { from: epochMs(START_MS + 1), to: epochMs(START_MS + 4), trunk: 't1' };
  const page = await store.listLegs({ ...filter, limit: 10 });
  assert.equal(page.ok ? page.value.legs.map((leg) => leg.legId) : null, [1, 3].map(aLegId));
  await store.close();
});

test('refuses a cursor that is none', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  for (const cursor of [
    '',
    '1',
    's',
    's1-',
    '1772357400000.7',
    's1-1; drop table legs',
    '9'.repeat(40),
  ]) {
    const page = await store.listLegs({ limit: 1, cursor });
    assert.is(page.ok ? null : page.error.code, 'REQUEST_INVALID');
  }
  await store.close();
});

test('finds the legs of a call', async () => {
  const store = await anOpenStore(optionsIn(aFolder(), new FakeTime()));
  store.append([0, 1, 2].flatMap((number) => [started(number), ended(number)]));
  await store.settled();
  const call = await store.findCall(aLegRecord(0).callId);
  assert.equal(call.ok ? call.value.map((leg) => leg.legId) : null, [0, 1].map(aLegId));
  await store.close();
});

test('keeps objects by kind and name over a restart', async () => {
  const dir = aFolder();
  const time = new FakeTime();
  const store = await anOpenStore(optionsIn(dir, time));
  await store.putObject('trunk', 'b', { cps: 5 });
  await store.putObject('trunk', 'a', { cps: 1 });
  await store.putObject('trunk', 'b', { cps: 6 });
  await store.putObject('route', 'b', { prefix: 'b' });
  await store.close();
  const again = await anOpenStore(optionsIn(dir, time));
  assert.equal(await again.listObjects('trunk'), {
    ok: true,
    value: [
      { kind: 'trunk', name: 'a', body: { cps: 1 }, updatedAt: START_MS },
      { kind: 'trunk', name: 'b', body: { cps: 6 }, updatedAt: START_MS },
    ],
  });
  assert.equal(await again.deleteObject('trunk', 'b'), { ok: true, value: true });
  assert.equal(await again.deleteObject('trunk', 'b'), { ok: true, value: false });
  const routes = await again.listObjects('route');
  assert.is(routes.ok && routes.value.length, 1);
  await again.close();
});

test('keeps phone numbers from other users of the machine', async () => {
  const dir = aFolder();
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  store.append([started(1)]);
  await store.settled();
  assert.is(statSync(join(dir, 'journal')).mode & 0o777, 0o700);
  assert.is(statSync(join(dir, 'calls.db')).mode & 0o077, 0);
  assert.is(statSync(join(dir, 'calls.db-wal')).mode & 0o077, 0);
  await store.close();
});

test('a second store on the same folder is refused while the first is open', async () => {
  const options = optionsIn(aFolder(), new FakeTime());
  const store = await anOpenStore(options);
  const second = await openStore(options);
  assert.is(second.ok ? null : second.error.code, 'STORE_UNAVAILABLE');
  assert.match(second.ok ? '' : second.error.message, 'in use by another process');
  await store.close();
  const third = await anOpenStore(options);
  await third.close();
});

test('refuses a URL of another kind and a path that is a folder', async () => {
  const dir = aFolder();
  const options = optionsIn(dir, new FakeTime());
  for (const url of ['postgres://db/x', 'sqlite:', './x.db']) {
    const opened = await openStore({ ...options, url });
    assert.is(opened.ok ? null : opened.error.code, 'CONFIG_INVALID');
  }
  mkdirSync(join(dir, 'folder.db'));
  const opened = await openStore({ ...options, url: `sqlite:${join(dir, 'folder.db')}` });
  assert.is(opened.ok ? null : opened.error.code, 'STORE_UNAVAILABLE');
  assert.match(opened.ok ? '' : opened.error.message, 'folder.db');
});

test('says unavailable when the journal refuses, loses nothing, and says available when it takes facts again', async () => {
  let full = false;
  const files: JournalFiles = {
    ...nodeFiles,
    write: (fd, bytes) => {
      if (full) throw new Error('ENOSPC: no space left on device, write');
      return nodeFiles.write(fd, bytes);
    },
  };
  const time = new FakeTime();
  const heard: StoreHealth[] = [];
  const onHealth = (health: StoreHealth): void => void heard.push(health);
  const store = await anOpenStore(optionsIn(aFolder(), time, { journalFiles: files, onHealth }));
  assert.ok(store.append([started(1)]));
  full = true;
  assert.not(store.append([answered(1)]));
  assert.not(store.append([ended(1)]));
  assert.equal(heard, [
    { available: false, reason: 'journal: ENOSPC: no space left on device, write' },
  ]);
  assert.is(store.stats().eventsWaiting, 2);
  assert.is((await store.settled()).ok, false);
  time.pass(500);
  assert.is(heard.length, 1, 'still full');
  full = false;
  time.pass(500);
  assert.equal(heard.at(-1), { available: true, reason: null });
  assert.ok((await store.settled()).ok);
  assert.equal(await allLegs(store), [aLegRecord(1)]);
  await store.close();
});

test('the death of the database thread costs no fact and heals by itself', async () => {
  const time = new FakeTime();
  // The thread can't be reached from outside, and must not be; the process tells of each that starts.
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  try {
    const heard = new EventEmitter();
    const onHealth = (health: StoreHealth): void =>
      void heard.emit(health.available ? 'available' : 'unavailable');
    const store = await anOpenStore(optionsIn(aFolder(), time, { onHealth }));
    store.append([started(1), started(2), ended(1)]);
    assert.ok((await store.settled()).ok);
    const lost = once(heard, 'unavailable');
    await threads[0]?.terminate();
    await lost;
    assert.match(store.health.reason ?? '', 'store thread lost');
    assert.is((await store.listLegs({ limit: 1 })).ok, false);
    assert.ok(store.append([ended(2)]), 'the journal takes facts meanwhile');
    const healed = once(heard, 'available');
    time.pass(500);
    await healed;
    assert.ok((await store.settled()).ok);
    assert.equal(
      (await allLegs(store)).map((leg) => [leg.legId, leg.cause]),
      [
        [aLegId(1), 'NORMAL_CLEARING'],
        [aLegId(2), 'NORMAL_CLEARING'],
      ],
    );
    assert.is(store.stats().recordsWritten, 2);
    await store.close();
  } finally {
    process.off('worker', onWorker);
  }
});

test('close commits all, leaves no facts in the journal, may come twice, and ends the store', async () => {
  const dir = aFolder();
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  store.append([started(1), ended(1)]);
  await Promise.all([store.close(), store.close()]);
  assert.not(store.append([started(2)]));
  assert.equal(store.health, { available: false, reason: 'the store is closed' });
  assert.is((await store.listLegs({ limit: 1 })).ok, false);
  assert.is((await store.settled()).ok, false);
  const again = await anOpenStore(optionsIn(dir, new FakeTime()));
  assert.is(again.recovery.entriesReplayed, 0);
  assert.equal(await allLegs(again), [aLegRecord(1)]);
  await again.close();
});

test('a leg that is up when the store closes is closed at the next start', async () => {
  const dir = aFolder();
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  store.append([started(1)]);
  await store.close();
  const again = await anOpenStore(optionsIn(dir, new FakeTime()));
  assert.is(again.recovery.legsClosed, 1);
  await again.close();
});

test.after(removeFolders);
test('refuses a folder that can’t be made, instead of trying for ever', async () => {
  const options = optionsIn(aFolder(), new FakeTime());
  const opened = await openStore({ ...options, url: 'sqlite:/proc/nope/trunkyard.db' });
  assert.ok(!opened.ok);
  assert.is(opened.error.code, 'STORE_UNAVAILABLE');
  assert.match(opened.error.message, /^\/proc\/nope\/trunkyard\.db: ENOENT/);
});

test.run();
