// What a restart makes of the journal a crash left: every call gets its records, once.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DomainEvent, LegRecord } from '../../../src/base/index.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { encodeLine } from '../../../src/store/entry.ts';
import { JournalReader } from '../../../src/store/journal-reader.ts';
import { Journal, nodeFiles, segmentName } from '../../../src/store/journal.ts';
import { Ledger } from '../../../src/store/ledger.ts';
import {
  aFolder,
  aLegId,
  aLegRecord,
  aLegStart,
  allLegs,
  anOpenStore,
  answered,
  ended,
  FakeTime,
  optionsIn,
  removeFolders,
  ringing,
  START_MS,
  started,
} from './builders.ts';

/** A folder as a process leaves it that is killed after these facts: a journal, and no database yet. */
function afterCrash(time: FakeTime, batches: readonly (readonly DomainEvent[])[]): string {
  const dir = aFolder();
  const journalDir = join(dir, 'journal');
  mkdirSync(journalDir);
  const journal = new Journal({
    dir: journalDir,
    files: nodeFiles,
    now: time.now,
    seqFirst: 1,
    segmentIndexFirst: 1,
  });
  for (const batch of batches) journal.append(batch);
  journal.close();
  return dir;
}

async function reopened(dir: string): Promise<{ legs: readonly LegRecord[]; recovery: unknown }> {
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  const legs = await allLegs(store);
  await store.close();
  return { legs, recovery: store.recovery };
}

test('a finished leg is recorded as it was told', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1)], [ringing(1), answered(1)], [ended(1)]]);
  const { legs, recovery } = await reopened(dir);
  assert.equal(legs, [aLegRecord(1)]);
  assert.equal(recovery, { entriesReplayed: 5, legsClosed: 0, linesTorn: 0, linesCorrupt: 0 });
});

test('F27 a leg that was up is closed with PROCESS_RESTARTED, ended at the last sign of life', async () => {
  const time = new FakeTime();
  const dir = aFolder();
  const store = await anOpenStore(optionsIn(dir, time));
  store.append([started(1)]);
  time.pass(100);
  store.append([ringing(1)]);
  time.pass(900);
  store.append([answered(1)]);
  time.pass(7_999);
  // The process is killed here: what it leaves is copied while it still runs.
  const left = aFolder();
  mkdirSync(join(left, 'journal'));
  copyFileSync(join(dir, 'journal', segmentName(1)), join(left, 'journal', segmentName(1)));
  const { legs } = await reopened(left);
  const [leg] = legs;
  assert.is(legs.length, 1);
  assert.equal(
    [leg?.cause, leg?.q850, leg?.endedBy, leg?.finalStatus, leg?.media],
    ['PROCESS_RESTARTED', 41, 'platform', 200, null],
  );
  assert.equal([leg?.endedAt, leg?.durationMs, leg?.pddMs], [START_MS + 8_000, 7_000, 100]);
  assert.equal([leg?.ringingAt, leg?.answeredAt], [START_MS + 101, START_MS + 201]);
  await store.close();
});

test('F27 a leg that was never answered is closed with no duration and no status', async () => {
  const { legs } = await reopened(afterCrash(new FakeTime(), [[started(1)]]));
  assert.equal(
    legs.map((leg) => [leg.cause, leg.durationMs, leg.finalStatus, leg.answeredAt, leg.pddMs]),
    [['PROCESS_RESTARTED', 0, 0, null, null]],
  );
});

test('F27 a leg closed after a crash names the gateway asked last and the ones tried before', async () => {
  const attempt = {
    trunk: 'carrier-b',
    gateway: 'sip:gw2.example',
    sipCallId: 'second@192.0.2.1',
    routesTried: 'sip:gw1.example 503',
  };
  const attempted = { kind: 'leg.attempted', legId: aLegId(1), attempt } as const;
  const batches = [[started(1), started(3)], [attempted], [answered(1)]];
  const { legs } = await reopened(afterCrash(new FakeTime(), batches));
  assert.equal(
    legs.map(({ trunk, gateway, sipCallId, routesTried }) => [
      trunk,
      gateway,
      sipCallId,
      routesTried,
    ]),
    [
      [
        'carrier-b',
        'sip:gw2.example',
        'second@192.0.2.1',
        'sip:gw1.example 503,sip:gw2.example 200',
      ],
      ['carrier-a', 'sip:gw1.example', '3@192.0.2.1', 'sip:gw1.example ?'],
    ],
  );
});

test('F27 a journal of an older version, without gateways, is closed as it was then', async () => {
  const { gateway: _none, ...leg } = aLegStart(1);
  const old = JSON.parse(JSON.stringify({ kind: 'leg.started', leg })) as DomainEvent;
  const { legs } = await reopened(afterCrash(new FakeTime(), [[old]]));
  assert.equal(
    legs.map(({ gateway, routesTried }) => [gateway, routesTried]),
    [[null, '']],
  );
});

for (const stepMs of [-3_600_000, 3_600_000]) {
  test(`a step of the clock by ${stepMs / 60_000} minutes before the crash changes no duration`, async () => {
    const time = new FakeTime();
    const dir = afterCrash(time, []);
    const journalDir = join(dir, 'journal');
    const journal = new Journal({
      dir: journalDir,
      files: nodeFiles,
      now: time.now,
      seqFirst: 1,
      segmentIndexFirst: 1,
    });
    journal.append([started(1)]);
    time.pass(200);
    journal.append([answered(1)]);
    time.epoch += stepMs;
    time.pass(5_000);
    journal.appendAlive();
    journal.close();
    const [leg] = (await reopened(dir)).legs;
    assert.is(leg?.durationMs, 5_000);
    assert.ok(leg !== undefined && leg.endedAt >= (leg.answeredAt ?? 0));
  });
}

test('a crash at every byte of the last line costs that line only', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1), answered(1)], [started(2)], [ended(2)]]);
  const whole = readFileSync(join(dir, 'journal', segmentName(1)));
  const lineStart = whole.subarray(0, -1).lastIndexOf(0x0a) + 1;
  const cut = aFolder();
  const journalDir = join(cut, 'journal');
  mkdirSync(journalDir);
  const database = await openDatabase(join(cut, 'calls.db'));
  database.sqlite.pragma('synchronous = OFF');
  for (let size = lineStart; size <= whole.length; size += 1) {
    writeFileSync(join(journalDir, segmentName(1)), whole.subarray(0, size));
    // The reader and the ledger alone, over emptied tables: a thread for each of some hundred cuts would take minutes.
    for (const table of ['legs', 'open_legs', 'journal'] as const)
      await database.db.deleteFrom(table).execute();
    const reader = new JournalReader(journalDir);
    const ledger = await Ledger.open(database, reader);
    ledger.advance(null);
    const closed = ledger.closeOpenLegs();
    const rows = await database.db
      .selectFrom('legs')
      .select(['leg_id', 'cause'])
      .orderBy('leg_id')
      .execute();
    const last = size === whole.length ? 'NORMAL_CLEARING' : 'PROCESS_RESTARTED';
    assert.equal(
      rows.map((row) => [row.leg_id, row.cause]),
      [
        [aLegId(1), 'PROCESS_RESTARTED'],
        [aLegId(2), last],
      ],
      `cut at ${size}`,
    );
    assert.is(closed, size === whole.length ? 1 : 2);
    assert.is(
      reader.counters.linesTorn,
      size === lineStart || size === whole.length ? 0 : 1,
      `cut at ${size}`,
    );
    assert.equal(readdirSync(journalDir), []);
  }
  await database.db.destroy();
});

test('the same journal read again over the same database adds nothing', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1), started(2), answered(1)], [ended(2)]]);
  const saved = readFileSync(join(dir, 'journal', segmentName(1)));
  const first = await reopened(dir);
  assert.is(first.legs.length, 2);
  writeFileSync(join(dir, 'journal', segmentName(1)), saved);
  const second = await reopened(dir);
  assert.equal(second.legs, first.legs);
});

test('a crash between the commit and the removal of a segment records nothing twice', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1), started(2)], [ended(1)]]);
  const database = await openDatabase(join(dir, 'calls.db'));
  const ledger = await Ledger.open(database, new JournalReader(join(dir, 'journal')));
  ledger.advance(null);
  await database.db.destroy();
  const { legs } = await reopened(dir);
  assert.equal(legs.map((leg) => [leg.legId, leg.cause]).sort(), [
    [aLegId(1), 'NORMAL_CLEARING'],
    [aLegId(2), 'PROCESS_RESTARTED'],
  ]);
});

test('a restart numbers its lines above all before it, so nothing new is taken for old', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1), ended(1)]]);
  const time = new FakeTime();
  for (const number of [2, 3, 4]) {
    const store = await anOpenStore(optionsIn(dir, time));
    store.append([started(number), ended(number)]);
    assert.ok((await store.settled()).ok);
    await store.close();
  }
  assert.equal(
    (await reopened(dir)).legs.map((leg) => leg.legId),
    [1, 2, 3, 4].map(aLegId),
  );
});

test('long calls let go of their segments and are still closed after a crash, with all that was known', async () => {
  const time = new FakeTime();
  const dir = aFolder();
  const journalDir = join(dir, 'journal');
  mkdirSync(journalDir);
  const journal = new Journal({
    dir: journalDir,
    files: nodeFiles,
    now: time.now,
    seqFirst: 1,
    segmentIndexFirst: 1,
  });
  const database = await openDatabase(join(dir, 'calls.db'));
  const ledger = await Ledger.open(database, new JournalReader(journalDir));
  const advance = (): void => {
    if (journal.position !== null) ledger.advance(journal.position);
  };
  journal.append([started(0), started(1)]);
  time.pass(1_000);
  journal.append([answered(0)]);
  // Twenty segments of other calls; leg 1 answers when the first ones have gone.
  const filler = 'x'.repeat(64 * 1024);
  for (let i = 2; readdirSync(journalDir).length > 0 && i < 2_000; i += 1) {
    journal.append([started(i), ended(i, { caller: filler })]);
    if (i === 1_700) journal.append([answered(1)]);
    if (i % 20 === 0) advance();
  }
  advance();
  const segments = readdirSync(journalDir).sort();
  assert.ok(segments.length <= 18, `${segments.length} segments are held`);
  assert.not(segments.includes(segmentName(1)));
  time.pass(4_000);
  journal.append([ringing(9_999)]);
  journal.close();
  await database.db.destroy();
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  assert.is(store.recovery.legsClosed, 2);
  for (const [number, durationMs] of [
    [0, 4_000],
    [1, 4_000],
  ] as const) {
    const call = await store.findCall(aLegRecord(number).callId);
    const leg = call.ok ? call.value.find((one) => one.legId === aLegId(number)) : undefined;
    assert.equal([leg?.cause, leg?.durationMs], ['PROCESS_RESTARTED', durationMs]);
  }
  await store.close();
});

test('a torn line in the middle segment costs that line only', async () => {
  const dir = afterCrash(new FakeTime(), [[started(1)], [ended(1)]]);
  const path = join(dir, 'journal', segmentName(1));
  truncateSync(path, statSync(path).size - 5);
  const now = new FakeTime().now();
  const lines = [
    encodeLine(0, now, { kind: 'journal.opened', run: 1 }),
    encodeLine(3, now, ended(1)),
  ];
  writeFileSync(join(dir, 'journal', segmentName(2)), lines.join(''));
  const { legs, recovery } = await reopened(dir);
  assert.equal(legs, [aLegRecord(1)]);
  assert.equal(recovery, { entriesReplayed: 4, legsClosed: 0, linesTorn: 1, linesCorrupt: 0 });
});

test.after(removeFolders);
test.run();
