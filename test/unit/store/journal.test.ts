// The call journal: lines, segments, and a disk that refuses.
import {
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { epochMs, monoMs } from '../../../src/base/index.ts';
import { decodeLine, encodeLine, type JournalFact } from '../../../src/store/entry.ts';
import { JournalReader } from '../../../src/store/journal-reader.ts';
import { Journal, nodeFiles, segmentName } from '../../../src/store/journal.ts';
import type { JournalFiles } from '../../../src/store/index.ts';
import { aFolder, answered, ended, FakeTime, removeFolders, ringing, started } from './builders.ts';

const NOW = { mono: monoMs(12.6), epoch: epochMs(34) };

/** Files that fail on demand, with the calls counted. */
class FailingFiles implements JournalFiles {
  opens = 0;
  writes = 0;
  openError: string | null = null;
  writeError: string | null = null;
  truncateError: string | null = null;
  /** Bytes the disk still takes before `writeError`. */
  bytesLeft = Number.POSITIVE_INFINITY;

  open(path: string): number {
    this.opens += 1;
    if (this.openError !== null) throw new Error(this.openError);
    return nodeFiles.open(path);
  }

  write(fd: number, bytes: Uint8Array): number {
    this.writes += 1;
    const count = Math.min(bytes.length, this.bytesLeft);
    if (this.writeError !== null && count === 0) throw new Error(this.writeError);
    this.bytesLeft -= count;
    return nodeFiles.write(fd, bytes.subarray(0, count));
  }

  truncate(fd: number, sizeBytes: number): void {
    if (this.truncateError !== null) throw new Error(this.truncateError);
    nodeFiles.truncate(fd, sizeBytes);
  }

  close(fd: number): void {
    nodeFiles.close(fd);
  }

  fill(bytesLeft: number): void {
    this.writeError = 'ENOSPC: no space left on device, write';
    this.bytesLeft = bytesLeft;
  }

  free(): void {
    this.writeError = null;
    this.truncateError = null;
    this.openError = null;
    this.bytesLeft = Number.POSITIVE_INFINITY;
  }
}

function aJournal(dir: string, files: JournalFiles = nodeFiles): Journal {
  return new Journal({ dir, files, now: new FakeTime().now, seqFirst: 1, segmentIndexFirst: 1 });
}

/** Sequence numbers and kinds in the order they are read back. */
function readBack(dir: string): { facts: string[]; linesTorn: number; linesCorrupt: number } {
  const reader = new JournalReader(dir);
  const facts: string[] = [];
  for (let placed = reader.next(null); placed.length > 0; placed = reader.next(null)) {
    for (const { entry } of placed)
      if (entry.seq > 0) facts.push(`${entry.seq} ${entry.fact.kind}`);
  }
  reader.close();
  return { facts, ...reader.counters };
}

test('a line gives back what was put in, whatever characters it holds', () => {
  const facts: JournalFact[] = [
    started(1),
    ringing(1),
    answered(1),
    ended(1, { caller: 'a"b\\c\r\nd\u0000é\u2028😀', media: null }),
    { kind: 'journal.opened', run: 7 },
    { kind: 'journal.alive' },
  ];
  for (const fact of facts) {
    const line = encodeLine(9, NOW, fact);
    assert.is(line.indexOf('\n'), line.length - 1);
    assert.equal(decodeLine(Buffer.from(line.slice(0, -1))), {
      seq: 9,
      monoMs: 13,
      epochMs: 34,
      fact,
    });
  }
});

test('a line with any one byte changed is refused', () => {
  const line = Buffer.from(encodeLine(9, NOW, ringing(1)).slice(0, -1));
  for (let at = 0; at < line.length; at += 1) {
    const changed = Buffer.from(line);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    assert.is(decodeLine(changed), null, `byte ${at}`);
  }
});

test('a whole line of an unknown kind, or none at all, is refused', () => {
  for (const json of [
    '{"s":1,"m":1,"t":1,"e":{"kind":"leg.moved"}}',
    '{"s":"1","m":1,"t":1,"e":{}}',
    '[]',
    'null',
    '{',
  ]) {
    const line = encodeLine(1, NOW, { kind: 'journal.alive' });
    assert.is(decodeLine(Buffer.from(`${line.slice(0, 9)}${json}`)), null);
  }
  assert.is(decodeLine(Buffer.alloc(0)), null);
});

test('appends a batch with one write, in files only the owner can read', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  assert.ok(journal.append([started(1), ringing(1), answered(1)]));
  assert.is(files.writes, 1);
  assert.is(statSync(join(dir, segmentName(1))).mode & 0o777, 0o600);
  assert.equal(readBack(dir).facts, ['1 leg.started', '2 leg.ringing', '3 leg.answered']);
  assert.is(journal.position?.sizeBytes, statSync(join(dir, segmentName(1))).size);
  journal.close();
});

test('begins a new segment after 4 MiB and reads them in order', () => {
  const dir = aFolder();
  const journal = aJournal(dir);
  for (let i = 0; i < 12_000; i += 1) journal.append([ended(i)]);
  journal.close();
  assert.ok(readdirSync(dir).length >= 2);
  const { facts } = readBack(dir);
  assert.is(facts.length, 12_000);
  assert.ok(facts.every((fact, i) => fact === `${i + 1} leg.ended`));
});

test('keeps facts in order in memory while the disk is full, and writes them when there is room', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  journal.append([started(1)]);
  files.fill(0);
  assert.not(journal.append([ringing(1)]));
  assert.match(journal.reason ?? '', 'ENOSPC');
  const writes = files.writes;
  assert.not(journal.append([answered(1), ended(1)]));
  assert.is(files.writes, writes, 'a later fact must not overtake one that waits');
  assert.equal(journal.counters, { failures: 1, linesWaiting: 3, linesLost: 0 });
  assert.not(journal.retry());
  files.free();
  assert.ok(journal.retry());
  assert.is(journal.reason, null);
  assert.equal(readBack(dir), {
    facts: ['1 leg.started', '2 leg.ringing', '3 leg.answered', '4 leg.ended'],
    linesTorn: 0,
    linesCorrupt: 0,
  });
  journal.close();
});

test('cuts off the part of a batch that got in before the disk was full', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  journal.append([started(1)]);
  const { size } = statSync(join(dir, segmentName(1)));
  files.fill(100);
  assert.not(journal.append([ended(1)]));
  assert.is(statSync(join(dir, segmentName(1))).size, size);
  files.free();
  journal.retry();
  assert.equal(readBack(dir), {
    facts: ['1 leg.started', '2 leg.ended'],
    linesTorn: 0,
    linesCorrupt: 0,
  });
  journal.close();
});

test('leaves a torn line behind at the end of its segment when even the cut fails', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  journal.append([started(1)]);
  files.fill(100);
  files.truncateError = 'EIO: i/o error, ftruncate';
  journal.append([ended(1)]);
  assert.is(journal.position?.seq, 1);
  files.free();
  assert.ok(journal.retry());
  assert.equal(readdirSync(dir), [segmentName(1), segmentName(2)]);
  assert.equal(readBack(dir), {
    facts: ['1 leg.started', '2 leg.ended'],
    linesTorn: 1,
    linesCorrupt: 0,
  });
  journal.close();
});

test('goes on in a full segment when the next can not be created', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  journal.append([started(1)]);
  files.openError = 'ENOSPC: no space left on device, open';
  for (let i = 0; i < 9_000; i += 1) assert.ok(journal.append([ended(i)]));
  assert.ok(files.opens < 10, 'a failing open is not tried at every batch');
  files.openError = null;
  for (let i = 0; i < 3_000; i += 1) journal.append([ended(i)]);
  assert.is(readdirSync(dir).length, 2);
  assert.is(readBack(dir).facts.length, 12_001);
  journal.close();
});

test('counts what it loses when the waiting room is full, and keeps what came first', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  files.fill(0);
  const journal = aJournal(dir, files);
  const long = 'x'.repeat(8 * 1024 * 1024);
  for (let i = 0; i < 9; i += 1) journal.append([ended(i, { caller: long })]);
  assert.is(journal.counters.linesWaiting, 7);
  assert.is(journal.counters.linesLost, 2);
  journal.close();
});

test('a sign of life tells that the disk takes lines again when nothing waits', () => {
  const dir = aFolder();
  const files = new FailingFiles();
  const journal = aJournal(dir, files);
  journal.append([started(1)]);
  files.fill(0);
  journal.appendAlive();
  assert.match(journal.reason ?? '', 'ENOSPC');
  assert.is(journal.counters.linesWaiting, 0);
  files.free();
  assert.ok(journal.retry());
  assert.is(journal.reason, null);
  journal.close();
});

test('reads up to the given position and goes on from there', () => {
  const dir = aFolder();
  const journal = aJournal(dir);
  const reader = new JournalReader(dir);
  journal.append([started(1)]);
  const first = journal.position;
  journal.append([ended(1)]);
  assert.ok(first !== null);
  assert.equal(
    reader.next(first).map(({ entry }) => entry.seq),
    [0, 1],
  );
  assert.is(reader.next(first).length, 0);
  assert.equal(
    reader.next(journal.position).map(({ entry }) => entry.seq),
    [2],
  );
  reader.close();
  journal.close();
});

test('skips and counts a line the disk has spoiled, and reads what follows', () => {
  const dir = aFolder();
  const journal = aJournal(dir);
  journal.append([started(1), ringing(1), answered(1)]);
  journal.close();
  const path = join(dir, segmentName(1));
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, 'utf8').replace('leg.ringing', 'leg.rinsing'));
  assert.equal(readBack(dir), {
    facts: ['1 leg.started', '3 leg.answered'],
    linesTorn: 0,
    linesCorrupt: 1,
  });
});

test('reads zeros at the end, as a power cut leaves them, as one torn line', () => {
  const dir = aFolder();
  const journal = aJournal(dir);
  journal.append([started(1)]);
  journal.close();
  const path = join(dir, segmentName(1));
  truncateSync(path, statSync(path).size + 4_096);
  assert.equal(readBack(dir), { facts: ['1 leg.started'], linesTorn: 1, linesCorrupt: 0 });
});

test.after(removeFolders);
test.run();
