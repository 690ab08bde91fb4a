// Runs the product as an operator would: a configuration file, the `serve` command, HTTP for what it tells, signals for
// its end. Nothing here looks inside the process.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Ended, Program } from './child.ts';
import { startProgram } from './child.ts';
import { WITH_KERNEL_PATH } from './kernel-path.ts';
import { ADDRESSES, freePort, until } from './loopback.ts';
import { processTree, sendSignal } from './processes.ts';
import { PROGRAM } from './program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface GatewaySetting {
  readonly uri: string;
  readonly priority?: number;
  readonly weight?: number;
}

export interface TrunkSetting {
  readonly name: string;
  readonly allow?: readonly string[];
  readonly gateways?: readonly GatewaySetting[];
  readonly [key: string]: unknown;
}

export interface EngineSettings {
  readonly trunks: readonly TrunkSetting[];
  readonly routes: readonly Readonly<Record<string, unknown>>[];
  readonly limits?: Readonly<Record<string, number>>;
  readonly media?: Readonly<Record<string, unknown>>;
}

/** One leg's record as GET /v1/cdrs gives it; docs/cdr.md names every column. */
export interface Cdr {
  readonly call_id: string;
  readonly leg_id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly trunk: string | null;
  readonly caller: string;
  readonly called: string;
  readonly sip_call_id: string;
  readonly answered_at: string | null;
  readonly ended_at: string;
  readonly duration_ms: number;
  readonly final_status: number;
  readonly cause: string;
  readonly ended_by: string;
  readonly codec: string | null;
  readonly routes_tried: string;
  readonly packets_received: number | null;
  readonly packets_sent: number | null;
  readonly mos: number | null;
  readonly transcoded: 0 | 1;
  readonly srtp: string | null;
  readonly concealed_ms: number | null;
  readonly packets_lost: number | null;
  readonly packets_late: number | null;
  readonly playout_delay_ms: number | null;
}

/** Time for a start: the loader compiles every file of src on the way. */
const START_LIMIT_MS = 60_000;
/** First media port; SIPp and the other peers stay outside this range. */
const MEDIA_PORTS = '20000-29999';

/** A folder that goes away with the test process's good end. */
export class WorkFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'trunkyard-e2e-'));

  /** A folder inside, made if need be. */
  folder(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A running engine. */
export class Engine {
  readonly sipPort: number;
  readonly #program: Program;
  readonly #httpPort: number;

  private constructor(program: Program, sipPort: number, httpPort: number) {
    this.#program = program;
    this.sipPort = sipPort;
    this.#httpPort = httpPort;
  }

  /**
   * Starts the engine with its data in `folder` and waits until it takes calls. A second start in the same folder is
   * a restart: it finds the data of the first.
   * @throws with what the engine printed, when it ends or doesn't become ready in time.
   */
  static async start(folder: string, settings: EngineSettings): Promise<Engine> {
    const sipPort = await freePort(ADDRESSES.engine);
    const httpPort = await freePort(ADDRESSES.engine);
    const configPath = join(folder, 'trunkyard.yaml');
    writeFileSync(configPath, stringify(fileOf(settings, { sipPort, httpPort, folder })));
    const program = startProgram(process.execPath, [...PROGRAM, 'serve', '--config', configPath], {
      cwd: ROOT,
      env: { NO_COLOR: '1' },
    });
    const engine = new Engine(program, sipPort, httpPort);
    let ended: Ended | null = null;
    void program.ended.then((end) => {
      ended = end;
    });
    try {
      await until(async () => ended !== null || (await engine.#isReady()), {
        what: 'the engine is ready',
        limitMs: START_LIMIT_MS,
        everyMs: 100,
      });
    } catch (error) {
      await engine.kill();
      throw new Error(`the engine did not start; it printed:\n${program.output()}`, {
        cause: error,
      });
    }
    if (ended !== null)
      throw new Error(`the engine ended at its start; it printed:\n${program.output()}`);
    return engine;
  }

  /** Where callers call. */
  get sip(): { readonly host: string; readonly port: number } {
    return { host: ADDRESSES.engine, port: this.sipPort };
  }

  /** What it has printed: the log and the start lines. */
  output(): string {
    return this.#program.output();
  }

  /** Sends a signal to the supervisor alone. */
  signal(signal: NodeJS.Signals): void {
    this.#program.signal(signal);
  }

  /** The end that comes by itself, for example after a drain. */
  get ended(): Promise<Ended> {
    return this.#program.ended;
  }

  /** One SIGTERM to drain, and one more for stragglers if any are up: a third would kill. */
  async stop(): Promise<Ended> {
    let isGone = false;
    const ended = this.#program.ended.finally(() => {
      isGone = true;
    });
    this.#program.signal('SIGTERM');
    const calls = await until(
      () => isGone || /"calls":(\d+),"msg":"draining"/.exec(this.#program.output())?.[1],
      { what: 'draining', limitMs: 10_000 },
    );
    if (calls !== true && calls !== '0') this.#program.signal('SIGTERM');
    return ended;
  }

  /** SIGKILL to every process of the tree at once: what a power cut leaves. */
  async kill(): Promise<Ended> {
    for (const { pid } of processTree(this.#program.pid)) sendSignal(pid, 'SIGKILL');
    return this.#program.ended;
  }

  /** Pids of the tree whose command line holds a text, for example `control-main`. */
  pidsOf(text: string): number[] {
    return processTree(this.#program.pid)
      .filter(({ command }) => command.includes(text))
      .map(({ pid }) => pid);
  }

  /** Every finished record, oldest first. */
  async cdrs(): Promise<Cdr[]> {
    const all: Cdr[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = (await this.getJson(`/v1/cdrs?limit=1000${query}`)) as CdrPage;
      all.push(...page.cdrs);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return all;
  }

  /** Waits until this many records are in the store, and a moment longer for one too many. */
  async cdrsWhenThere(count: number, limitMs = 20_000): Promise<Cdr[]> {
    return until(
      async () => {
        const all = await this.cdrs();
        return all.length >= count && all;
      },
      { what: `${count} call records`, limitMs, everyMs: 250 },
    );
  }

  /** Calls that are up. */
  async liveCallCount(): Promise<number> {
    return this.metric('trunkyard_calls_active');
  }

  /** Those of them that were answered. */
  async answeredCallCount(): Promise<number> {
    const page = (await this.getJson('/v1/calls?limit=1000')) as {
      readonly calls: readonly { readonly answered_at: string | null }[];
    };
    return page.calls.filter((call) => call.answered_at !== null).length;
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await this.#get('/metrics')).text();
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    if (lines.length === 0) throw new Error(`/metrics has no ${name}`);
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** A good answer's JSON. */
  async getJson(path: string): Promise<unknown> {
    const response = await this.#get(path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async #isReady(): Promise<boolean> {
    return (await this.#get('/readyz')).ok;
  }

  #get(path: string): Promise<Response> {
    const url = `http://${ADDRESSES.engine}:${this.#httpPort}${path}`;
    return fetch(url, { signal: AbortSignal.timeout(10_000) });
  }
}

interface CdrPage {
  readonly cdrs: readonly Cdr[];
  readonly next_cursor: string | null;
}

function fileOf(
  settings: EngineSettings,
  at: { readonly sipPort: number; readonly httpPort: number; readonly folder: string },
): object {
  const host = ADDRESSES.engine;
  return {
    listen: {
      sip: [`udp://${host}:${at.sipPort}`, `tcp://${host}:${at.sipPort}`],
      http: `http://${host}:${at.httpPort}`,
    },
    media: {
      addresses: [{ bind: host, advertise: null, ports: MEDIA_PORTS }],
      threads: 1,
      kernel_path: WITH_KERNEL_PATH ? 'auto' : 'off',
      ...settings.media,
    },
    store: { url: `sqlite:${join(at.folder, 'trunkyard.db')}` },
    limits: { calls: 5000, cps: 1000, ...settings.limits },
    trunks: settings.trunks,
    routes: settings.routes,
  };
}
