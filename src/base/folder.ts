// Makes folders with those above them. Node's own recursive mkdir never returns where the kernel says ENOENT for a folder
// that can't be made (below /proc, for one), and a thread inside it can't be ended.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder unless it is there; those above it that are missing get the same mode.
 * @param mode as for mkdir(2), before the umask.
 * @throws the file system's error for the uppermost folder that can't be made.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    // Another process may have been quicker; a file of that name is no folder.
    if (!isThere || !statSync(path).isDirectory()) throw error;
  }
}
