// What the tests of the process tree share: a house with an echo destination, the configuration file on disk, commands as
// an operator types them, and what a tree leaves behind.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { removeRunDir } from '../../src/server/run-dir.ts';
import type { Ended, Program } from '../support/child.ts';
import { startProgram } from '../support/child.ts';
import type { EngineSettings } from '../support/engine.ts';
import { Engine, WorkFolder } from '../support/engine.ts';
import { ADDRESSES, until } from '../support/loopback.ts';
import { CALLER_TRUNK } from '../support/parties.ts';
import { PROGRAM } from '../support/program.ts';
import { memoryOf } from '../support/shared-memory.ts';
import { Phone } from './server-phone.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The number that echoes. */
export const ECHO = '9196';

/** Callers may call the echo destination, nothing else. */
export const ECHO_HOUSE: EngineSettings = {
  trunks: [CALLER_TRUNK],
  routes: [{ number: ECHO, destination: 'echo' }],
};

/** One test's engine, phones and files. Run folders are made inside `work`, so that what is left can be counted. */
export class House {
  readonly work = new WorkFolder();
  readonly folder = this.work.folder('engine');
  readonly runFolders = this.work.folder('run');
  readonly #phones: Phone[] = [];
  readonly #temporary = process.env['TMPDIR'];
  #engine: Engine | null = null;

  constructor() {
    // The loader keeps its compiled files in the temporary folder; without them every start would compile anew.
    const cache = `tsx-${process.getuid?.() ?? 0}`;
    symlinkSync(join(tmpdir(), cache), join(this.runFolders, cache));
    process.env['TMPDIR'] = this.runFolders;
  }

  get engine(): Engine {
    if (this.#engine === null) throw new Error('the engine was not started');
    return this.#engine;
  }

  async start(settings: EngineSettings = ECHO_HOUSE): Promise<Engine> {
    this.#engine = await Engine.start(this.folder, settings);
    return this.#engine;
  }

  async phone(host: string = ADDRESSES.caller): Promise<Phone> {
    const phone = await Phone.open(host);
    this.#phones.push(phone);
    return phone;
  }

  get configPath(): string {
    return join(this.folder, 'trunkyard.yaml');
  }

  /** Changes the configuration file as an editor would. */
  edit(change: (file: Record<string, unknown>) => void): void {
    const file = parse(readFileSync(this.configPath, 'utf8')) as Record<string, unknown>;
    change(file);
    writeFileSync(this.configPath, stringify(file));
  }

  /** Sends a request to the engine's HTTP side. */
  http(method: string, path: string, body?: unknown): Promise<Response> {
    const { listen } = parse(readFileSync(this.configPath, 'utf8')) as {
      listen: { http: string };
    };
    return fetch(`${listen.http}${path}`, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  /** Runs a command to its end. */
  command(...args: readonly string[]): Promise<Ended> {
    return startCommand(args).ended;
  }

  /** Shared memory that the run folders name, as long as they're there. */
  regions(): string[] {
    return foldersIn(this.runFolders).flatMap((path) =>
      readdirSync(path)
        .filter((name) => name.endsWith('.events'))
        .map((name) => name.replace(/\.events$/, '')),
    );
  }

  /**
   * Ends the engine and the calls that are up. Two signals sent at once may arrive as one, so the second waits until the
   * first has shown.
   */
  async stop(): Promise<Ended> {
    const { engine } = this;
    engine.signal('SIGTERM');
    const calls = await until(() => /"calls":(\d+),"msg":"draining"/.exec(engine.output())?.[1], {
      what: 'draining',
      limitMs: 5000,
    });
    // Without calls it is on its way out already, and a second signal could meet a process without handlers.
    if (calls !== '0') engine.signal('SIGTERM');
    return engine.ended;
  }

  async close(): Promise<void> {
    if (this.#temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = this.#temporary;
    for (const phone of this.#phones) phone.close();
    await this.#engine?.kill();
    // A tree that was killed leaves its memory to whoever finds its run folder, and that goes now.
    for (const path of foldersIn(this.runFolders)) removeRunDir(path);
    this.work.remove();
  }
}

/** Runs a body with a house that is gone afterwards. */
export async function withHouse(body: (house: House) => Promise<void>): Promise<void> {
  const house = new House();
  try {
    await body(house);
  } finally {
    await house.close();
  }
}

/** Starts `trunkyard ...`. */
export function startCommand(args: readonly string[]): Program {
  return startProgram(process.execPath, [...PROGRAM, ...args], {
    cwd: ROOT,
    env: { NO_COLOR: '1' },
  });
}

/** Whether a region is still in memory. */
export function isInMemory(region: string): boolean {
  return existsSync(memoryOf(region));
}

/** Run folders that are there. */
export function foldersIn(path: string): string[] {
  mkdirSync(path, { recursive: true });
  return readdirSync(path)
    .filter((name) => /^trunkyard-[A-Za-z0-9]{6}$/.test(name))
    .map((name) => join(path, name));
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
