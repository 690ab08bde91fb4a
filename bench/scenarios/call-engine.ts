// The whole product as the calls suite runs it: compiled, every process and thread of it on one core, two trunks that are
// SIPp, media ports over several loopback addresses.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Program } from '../../test/support/child.ts';
import { startProgram } from '../../test/support/child.ts';
import { freePort, until } from '../../test/support/loopback.ts';
import { processTree, sendSignal } from '../../test/support/processes.ts';
import type { Cores } from '../machine/cores.ts';
import { onCore } from '../machine/cores.ts';
import { cpuNs, residentBytes, total } from '../machine/cost.ts';
import type { MediaPoint } from '../peers/media-program.ts';
import { CALL_HOSTS, CALLED } from './call-load.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HOST = '127.0.0.1';
/** A call takes four ports, and they rest for two seconds. */
const MEDIA_HOSTS = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const MEDIA_PORTS = '10000-59999';
/** The most that one media thread takes. */
const ENDPOINTS = 16_384;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
const NO_CALLS_LIMIT_MS = 60_000;

/** What the limits of the product are set to so that none of them is what the suite finds. */
const UNLIMITED = { calls: 8_000, cps: 10_000 } as const;

export class CallEngine {
  readonly at: MediaPoint;
  readonly #program: Program;
  readonly #httpPort: number;

  private constructor(program: Program, ports: { readonly sip: number; readonly http: number }) {
    this.#program = program;
    this.at = { host: HOST, port: ports.sip };
    this.#httpPort = ports.http;
  }

  /** @throws with what it printed, when it doesn't become ready. */
  static async start(
    cores: Cores,
    options: { readonly folder: string; readonly callees: MediaPoint },
  ): Promise<CallEngine> {
    const ports = { sip: await freePort(HOST), http: await freePort(HOST) };
    mkdirSync(options.folder, { recursive: true });
    const config = join(options.folder, 'trunkyard.yaml');
    writeFileSync(config, stringify(settings(ports, options)));
    const [command, ...args] = onCore(cores.program, [
      ...[process.execPath, join(ROOT, 'dist', 'server', 'main.js'), 'serve', '--config', config],
    ]);
    const program = startProgram(command, args, {
      cwd: options.folder,
      env: { NO_COLOR: '1', NODE_ENV: 'production' },
    });
    const engine = new CallEngine(program, ports);
    try {
      await until(async () => (await engine.#get('/readyz')).ok, {
        what: 'the engine is ready',
        limitMs: START_LIMIT_MS,
        everyMs: 100,
      });
    } catch (error) {
      await engine.stop();
      throw new Error(`the engine did not start; it printed:\n${program.output()}`, {
        cause: error,
      });
    }
    return engine;
  }

  /** CPU time of all its processes and threads so far. */
  cpuNs(): number {
    return total(this.#pids(), cpuNs);
  }

  /** Memory of all its processes; what they share counts in each. */
  residentBytes(): number {
    return total(this.#pids(), residentBytes);
  }

  /** Waits until no call is up. */
  async idle(): Promise<void> {
    await until(async () => (await this.liveCalls()) === 0, {
      what: 'no call is up',
      limitMs: NO_CALLS_LIMIT_MS,
      everyMs: 250,
    });
  }

  async liveCalls(): Promise<number> {
    const text = await (await this.#get('/metrics')).text();
    const value = /^trunkyard_calls_active (\d+)$/m.exec(text)?.[1];
    if (value === undefined) throw new Error('/metrics has no trunkyard_calls_active');
    return Number(value);
  }

  /** Ends the calls that are left and stops it, so that its shared memory goes too; kills what doesn't end. */
  async stop(): Promise<void> {
    const pids = this.#pids();
    this.#program.signal('SIGTERM');
    // The second one ends the calls instead of waiting for them; program.stop sends it.
    await this.#program.stop({ graceMs: STOP_LIMIT_MS });
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
  }

  #pids(): readonly number[] {
    return processTree(this.#program.pid).map(({ pid }) => pid);
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://${HOST}:${this.#httpPort}${path}`, {
      signal: AbortSignal.timeout(10_000),
    });
  }
}

function settings(
  ports: { readonly sip: number; readonly http: number },
  { folder, callees }: { readonly folder: string; readonly callees: MediaPoint },
): object {
  const limits = { channels: UNLIMITED.calls, cps: UNLIMITED.cps };
  return {
    listen: { sip: [`udp://${HOST}:${ports.sip}`], http: `http://${HOST}:${ports.http}` },
    media: {
      addresses: MEDIA_HOSTS.map((bind) => ({ bind, ports: MEDIA_PORTS })),
      threads: 1,
      endpoints: ENDPOINTS,
    },
    store: { url: `sqlite:${join(folder, 'trunkyard.db')}` },
    limits: UNLIMITED,
    trunks: [
      { name: 'callers', allow: [`${CALL_HOSTS.caller}/32`], ...limits },
      {
        name: 'callees',
        allow: [`${CALL_HOSTS.callee}/32`],
        gateways: [{ uri: `sip:${callees.host}:${callees.port}` }],
        ...limits,
      },
    ],
    routes: [{ prefix: CALLED.slice(0, 2), trunks: ['callees'] }],
    log: { level: 'warn' },
  };
}
