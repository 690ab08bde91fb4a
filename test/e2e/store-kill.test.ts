// limit: 300s
// runs: anywhere
// kill -9 of a process that writes calls: what it was promised is there afterwards, once, and every call is closed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LegRecord } from '../../src/base/index.ts';
import type { Store } from '../../src/store/index.ts';
import {
  aFolder,
  aLegId,
  anOpenStore,
  FakeTime,
  optionsIn,
  removeFolders,
} from '../unit/store/builders.ts';

const WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url));
/** Lines a writer may promise before it is killed; spread, so that the blow falls into all phases of a commit. */
const KILL_AFTER_LINES = [1, 7, 60, 350, 1_100, 2_500, 4_001, 9_000];
const NUMBERS_A_RUN = 1_000_000;

interface Promised {
  readonly started: Set<number>;
  readonly ended: Set<number>;
}

/** Runs a writer until it has promised so many lines, kills it, and answers all it had promised by then. */
async function writeAndKill(dir: string, first: number, lines: number): Promise<Promised> {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, dir, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const promised: Promised = { started: new Set(), ended: new Set() };
  const exited = once(child, 'exit');
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    const [word, number] = line.split(' ');
    (word === 's' ? promised.started : promised.ended).add(Number(number));
    count += 1;
    if (count === lines) child.kill('SIGKILL');
  }
  await exited;
  assert.is(child.signalCode, 'SIGKILL');
  return promised;
}

async function everyLeg(store: Store): Promise<Map<string, LegRecord>> {
  const legs = new Map<string, LegRecord>();
  let cursor: string | null = null;
  do {
    const page = await store.listLegs({ limit: 1_000, ...(cursor === null ? {} : { cursor }) });
    if (!page.ok) throw new Error(page.error.message);
    for (const leg of page.value.legs) {
      assert.not(legs.has(leg.legId), `${leg.legId} has two records`);
      legs.set(leg.legId, leg);
    }
    cursor = page.value.nextCursor;
  } while (cursor !== null);
  return legs;
}

test('F27 every leg that was appended before kill -9 has exactly one closed record after the restart', async () => {
  const dir = aFolder();
  const started = new Set<number>();
  const ended = new Set<number>();
  for (const [run, lines] of KILL_AFTER_LINES.entries()) {
    const promised = await writeAndKill(dir, run * NUMBERS_A_RUN, lines);
    for (const number of promised.started) started.add(number);
    for (const number of promised.ended) ended.add(number);
  }
  const store = await anOpenStore(optionsIn(dir, new FakeTime()));
  const legs = await everyLeg(store);
  await store.close();
  assert.ok(started.size > 5_000, `${started.size} legs were promised`);
  for (const number of started) {
    const leg = legs.get(aLegId(number));
    if (leg === undefined) assert.unreachable(`leg ${number} is lost`);
    else if (ended.has(number)) assert.is(leg.cause, 'NORMAL_CLEARING', `leg ${number} had ended`);
  }
  // A batch the kill met between write and promise may be there as well, never more than one each kind and run.
  assert.ok(legs.size - started.size <= KILL_AFTER_LINES.length);
  const closed = [...legs.values()].filter((leg) => leg.cause === 'PROCESS_RESTARTED').length;
  assert.ok(
    closed <= KILL_AFTER_LINES.length * 41,
    `${closed} legs were up when their process died`,
  );
});

test.after(removeFolders);
test.run();
