// What programs that were killed left in shared memory, taken away before a test or a benchmark adds its own. The product sweeps
// behind itself by its run folders; tests remove theirs, and what they kill has no other heir.
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readOrEmpty } from './processes.ts';

/** Where Linux shows POSIX shared memory. */
const SHARED_MEMORY = '/dev/shm';
const REGION = /^trunkyard-[0-9a-z-]+$/;
/** A region has its name a moment before it is mapped; nobody takes so long. */
const AGE_MS_MIN = 60_000;

/** Where a region shows as a file. */
export function memoryOf(region: string): string {
  return join(SHARED_MEMORY, region);
}

/** Removes every region of ours that no living process has mapped. Other tests may run at the same time. */
export function sweepSharedMemory(): void {
  const old = readdirSync(SHARED_MEMORY).filter((name) => REGION.test(name) && isOldAndOurs(name));
  if (old.length === 0) return;
  const mapped = mappedRegions();
  for (const name of old) if (!mapped.has(name)) rmSync(memoryOf(name), { force: true });
}

function isOldAndOurs(name: string): boolean {
  const stat = lstatSync(memoryOf(name), { throwIfNoEntry: false });
  if (stat === undefined || stat.uid !== process.getuid?.()) return false;
  return Date.now() - stat.mtimeMs > AGE_MS_MIN;
}

function mappedRegions(): ReadonlySet<string> {
  const mapped = new Set<string>();
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    for (const [, name = ''] of readOrEmpty(`/proc/${pid}/maps`).matchAll(
      /\/dev\/shm\/(trunkyard-\S+)/g,
    ))
      mapped.add(name);
  }
  return mapped;
}
