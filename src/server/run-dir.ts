// The folder of one process tree in the temporary folder: wake-up pipes, and a socket that shows that the tree is alive. A tree
// that was killed whole leaves its folder and its shared memory behind; the next one to start takes them away.
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As mkdtemp makes them; anything else in the temporary folder is somebody else's. */
const FOLDER = /^trunkyard-[A-Za-z0-9]{6}$/;
/** Pipes are named after the region they belong to. */
const PIPE = /^(trunkyard-[0-9a-f]{24})\.(?:orders\.\d+|events)$/;
/** Where Linux shows POSIX shared memory. */
const SHARED_MEMORY = '/dev/shm';
const ALIVE = 'alive.sock';

/** Hex digits of a region's name behind `trunkyard-`. */
export const REGION_CHANCE_BYTES = 12;

export interface RunDir {
  /** Mode 0700. */
  readonly path: string;
  /** Takes back the memory and pipes of a media process that has ended, however it did. */
  forget(region: string): void;
  close(): void;
}

/** Makes a folder for this process's tree, after sweeping up behind trees that are dead. */
export async function openRunDir(parent: string = tmpdir()): Promise<RunDir> {
  await sweep(parent);
  const path = mkdtempSync(join(parent, 'trunkyard-'));
  const server = createServer((socket) => socket.destroy());
  server.unref();
  // Without the socket (a temporary folder with too long a path) the tree works all the same; only nobody sweeps behind it.
  await new Promise<void>((resolve) => {
    server.once('error', () => resolve());
    server.listen(join(path, ALIVE), resolve);
  });
  return {
    path,
    forget: (region) => forget(path, region),
    close: () => {
      for (const region of regionsOf(path)) forget(path, region);
      server.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Removes the folder of a tree whose supervisor is gone, and the memory that its pipes name. */
export function removeRunDir(path: string): void {
  for (const region of regionsOf(path)) forget(path, region);
  rmSync(path, { recursive: true, force: true });
}

async function sweep(parent: string): Promise<void> {
  for (const name of readdirSync(parent).filter((entry) => FOLDER.test(entry))) {
    const path = join(parent, name);
    if (isOurs(path) && (await isDead(join(path, ALIVE)))) removeRunDir(path);
  }
}

/** Anybody may put a folder here; only our own user's names memory that we may remove. */
function isOurs(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.uid === process.getuid?.();
}

/** A socket file that nobody listens to; a missing one proves nothing. */
function isDead(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED'));
  });
}

function regionsOf(path: string): ReadonlySet<string> {
  const regions = new Set<string>();
  for (const name of filesOf(path)) {
    const region = PIPE.exec(name)?.[1];
    if (region !== undefined) regions.add(region);
  }
  return regions;
}

function forget(path: string, region: string): void {
  rmSync(join(SHARED_MEMORY, region), { force: true });
  for (const name of filesOf(path).filter((entry) => entry.startsWith(`${region}.`))) {
    rmSync(join(path, name), { force: true });
  }
}

/** Empty when the folder is gone: two processes may tidy up at once. */
function filesOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
