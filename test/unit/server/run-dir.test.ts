// The folder of a process tree: made, swept up behind trees that were killed, and left alone while its owner lives.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRunDir } from '../../../src/server/run-dir.ts';

const REGION = `trunkyard-${'0'.repeat(23)}${process.pid % 10}`;
const MEMORY = join('/dev/shm', REGION);

async function within(body: (parent: string) => Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'trunkyard-unit-'));
  try {
    await body(parent);
  } finally {
    rmSync(parent, { recursive: true, force: true });
    rmSync(MEMORY, { force: true });
  }
}

/** A folder whose owner was killed: its socket is there, and nobody listens. */
function deadFolder(parent: string): string {
  const path = join(parent, 'trunkyard-dead00');
  mkdirSync(path, { mode: 0o700 });
  const script = `require('node:net').createServer().listen(${JSON.stringify(join(path, 'alive.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  writeFileSync(join(path, `${REGION}.events`), '');
  writeFileSync(MEMORY, '');
  return path;
}

test('a start takes away the folder and the memory of a tree that was killed', () =>
  within(async (parent) => {
    const dead = deadFolder(parent);
    assert.ok(existsSync(join(dead, 'alive.sock')));
    const runDir = await openRunDir(parent);
    assert.not(existsSync(dead));
    assert.not(existsSync(MEMORY));
    runDir.close();
  }));

test('a start leaves a living tree and folders of others alone', () =>
  within(async (parent) => {
    const living = await openRunDir(parent);
    const others = join(parent, 'trunkyard-other0');
    mkdirSync(others);
    const second = await openRunDir(parent);
    assert.ok(existsSync(living.path));
    assert.ok(existsSync(others));
    second.close();
    living.close();
    assert.not(existsSync(living.path));
  }));

test('the memory and pipes of one media process are taken back alone', () =>
  within(async (parent) => {
    const runDir = await openRunDir(parent);
    const other = join(runDir.path, `trunkyard-${'f'.repeat(24)}.events`);
    writeFileSync(other, '');
    writeFileSync(join(runDir.path, `${REGION}.orders.0`), '');
    writeFileSync(MEMORY, '');
    runDir.forget(REGION);
    assert.not(existsSync(MEMORY));
    assert.not(existsSync(join(runDir.path, `${REGION}.orders.0`)));
    assert.ok(existsSync(other));
    runDir.close();
    runDir.close();
  }));

test.run();
