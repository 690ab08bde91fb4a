// needs: root
// A disk that is really full: a small file system of its own holds journal and database.
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoreHealth } from '../../../src/store/index.ts';
import {
  aFolder,
  anOpenStore,
  ended,
  FakeTime,
  optionsIn,
  removeFolders,
  started,
} from './builders.ts';

const disk = aFolder();

test.before(() => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', disk]);
});

test.after(() => {
  execFileSync('umount', [disk]);
  removeFolders();
});

test('a full disk makes the store unavailable, loses no record, and the store frees itself', async () => {
  const time = new FakeTime();
  const heard = new EventEmitter();
  const onHealth = (health: StoreHealth): void =>
    void heard.emit(health.available ? 'available' : 'unavailable');
  const store = await anOpenStore(optionsIn(disk, time, { onHealth }));
  const ballast = join(disk, 'ballast');
  store.append([started(0), ended(0)]);
  assert.ok((await store.settled()).ok);
  const refused = once(heard, 'unavailable');
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024)), /ENOSPC/);
  let number = 1;
  // The last page of the journal still has room; then it refuses.
  while (store.append([started(number), ended(number)])) number += 1;
  store.append([started(number + 1), ended(number + 1)]);
  await refused;
  assert.match(store.health.reason ?? '', /ENOSPC|SQLITE_FULL/);
  assert.is((await store.settled()).ok, false);

  const freed = once(heard, 'available');
  rmSync(ballast);
  time.pass(500);
  await freed;
  assert.ok((await store.settled()).ok);
  assert.is(store.stats().recordsWritten, number + 2);
  assert.is(store.stats().eventsLost, 0);
  assert.is(store.stats().eventsWaiting, 0);
  await store.close();
});

test.run();
