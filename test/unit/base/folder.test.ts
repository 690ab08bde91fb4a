// Folders with those above them, made or refused at once.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder } from '../../../src/base/index.ts';

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-folder-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('makes what is missing, with the mode, and leaves alone what is there', () =>
  inFolder((folder) => {
    const path = join(folder, 'a', 'b', 'c');
    makeFolder(path, 0o700);
    for (const made of [path, join(folder, 'a')]) assert.is(statSync(made).mode & 0o777, 0o700);
    makeFolder(path, 0o755);
    assert.is(statSync(path).mode & 0o777, 0o700);
  }));

test('says at once what is in the way', () =>
  inFolder((folder) => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    assert.throws(() => makeFolder(file), /EEXIST/);
    assert.throws(() => makeFolder(join(file, 'below', 'it')), /EEXIST|ENOTDIR/);
    assert.throws(() => makeFolder('/proc/nope/media'), /ENOENT/);
  }));

test.run();
