// SIPp as callers and as callees on the load's core: a burst of calls at a rate, judged by SIPp's own statistics, with what it
// cost SIPp itself, since a generator that was the limit says nothing about the program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../test/support/child.ts';
import { startProgram } from '../../test/support/child.ts';
import { freePort } from '../../test/support/loopback.ts';
import type { Cores } from '../machine/cores.ts';
import { onCore } from '../machine/cores.ts';
import { cpuNs } from '../machine/cost.ts';
import type { MediaPoint } from '../peers/media-program.ts';

const SCENARIOS = fileURLToPath(new URL('./sipp/', import.meta.url));
const CALLER_HOST = '127.0.0.10';
const CALLEE_HOST = '127.0.0.11';
/** Where callers and callees of the engine's trunks come from. */
export const CALL_HOSTS = { caller: CALLER_HOST, callee: CALLEE_HOST } as const;
/** What callers dial; the engine's route matches its beginning. */
export const CALLED = '441234567890';

/** SIPp's share of its core above which it may have been the limit. */
export const GENERATOR_SHARE_MAX = 0.9;
/** How much longer than planned a burst may take before its calls count as late. */
const LATE_MS = 1_000;
/** A call that lost a message needs SIP's whole timers to fail: 64 * T1 (RFC 3261 §17.1.1.2). */
const LAST_CALL_MS = 40_000;

/** Callees that wait on the load's core. */
export class Callees {
  readonly at: MediaPoint;
  readonly #program: Program;

  private constructor(at: MediaPoint, program: Program) {
    this.at = at;
    this.#program = program;
  }

  static async start(cores: Cores, workDir: string): Promise<Callees> {
    const at = { host: CALLEE_HOST, port: await freePort(CALLEE_HOST) };
    const [program, ...args] = onCore(cores.load, [
      'sipp',
      ...['-sf', join(SCENARIOS, 'uas.xml'), '-i', at.host, '-p', String(at.port), '-bind_local'],
      ...['-mi', at.host, '-mp', '9000', '-nostdin', '-buff_size', '4194304'],
    ]);
    return new Callees(at, startProgram(program, args, { cwd: workDir, env: { TERM: 'dumb' } }));
  }

  get pid(): number {
    return this.#program.pid;
  }

  async stop(): Promise<void> {
    await this.#program.stop({ signal: 'SIGKILL', graceMs: 0 });
  }
}

export interface Burst {
  /** Calls a second. */
  readonly rate: number;
  readonly calls: number;
  /** How long a call stays. */
  readonly stayMs: number;
}

export interface BurstResult {
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly elapsedMs: number;
  /** Both SIPp's share of their core while calls were made, 0 to 1. */
  readonly generatorShare: number;
  /** No call failed, and all ended as soon as they should. */
  readonly clean: boolean;
}

export interface RunningBurst {
  /** The callers' process. */
  readonly pid: number;
  readonly finished: Promise<BurstResult>;
}

/** Starts callers against `remote`. */
export async function startBurst(
  burst: Burst,
  options: {
    readonly remote: MediaPoint;
    readonly callees: Callees;
    readonly cores: Cores;
    readonly workDir: string;
  },
): Promise<RunningBurst> {
  const { remote, callees, cores, workDir } = options;
  const port = await freePort(CALLER_HOST);
  const statistics = join(workDir, `callers-${port}.csv`);
  const plannedMs = (1_000 * burst.calls) / burst.rate + burst.stayMs;
  const [command, ...args] = onCore(cores.load, [
    'sipp',
    `${remote.host}:${remote.port}`,
    ...['-sf', join(SCENARIOS, 'uac.xml'), '-i', CALLER_HOST, '-p', String(port), '-bind_local'],
    ...['-mi', CALLER_HOST, '-mp', '9000', '-nostdin', '-buff_size', '4194304'],
    ...['-s', CALLED, '-r', String(burst.rate), '-m', String(burst.calls), '-l', '100000'],
    ...['-d', String(burst.stayMs), '-trace_stat', '-stf', statistics, '-fd', '1'],
    ...['-timeout', `${Math.ceil((plannedMs + LAST_CALL_MS) / 1_000)}s`, '-timeout_error'],
  ]);
  const program = startProgram(command, args, { cwd: workDir, env: { TERM: 'dumb' } });
  return { pid: program.pid, finished: finish(program, { burst, callees, plannedMs, statistics }) };
}

async function finish(
  program: Program,
  {
    burst,
    callees,
    plannedMs,
    statistics,
  }: {
    readonly burst: Burst;
    readonly callees: Callees;
    readonly plannedMs: number;
    readonly statistics: string;
  },
): Promise<BurstResult> {
  const startedMs = performance.now();
  const calleesAtStart = cpuNs(callees.pid);
  // The callers' account ends with their process, so it is read while the last calls are made.
  const makingMs = (0.95 * 1_000 * burst.calls) / burst.rate;
  const sharesRead = new Promise<{ readonly callers: number; readonly callees: number }>(
    (resolve) => {
      setTimeout(() => {
        const elapsedNs = 1e6 * (performance.now() - startedMs);
        resolve({
          callers: cpuNs(program.pid) / elapsedNs,
          callees: (cpuNs(callees.pid) - calleesAtStart) / elapsedNs,
        });
      }, makingMs);
    },
  );
  await program.ended;
  const elapsedMs = performance.now() - startedMs;
  const shares = await sharesRead;
  const seen = readStatistics(statistics);
  const successful = seen('SuccessfulCall(C)');
  const failed = Math.max(seen('FailedCall(C)'), burst.calls - successful);
  return {
    successful,
    failed,
    retransmissions: seen('Retransmissions(C)'),
    elapsedMs,
    generatorShare: shares.callers + shares.callees,
    clean: failed === 0 && elapsedMs <= plannedMs + LATE_MS,
  };
}

/** A counter's last value by its column; 0 when SIPp had no time to write any. */
function readStatistics(path: string): (column: string) => number {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const names = lines[0]?.split(';') ?? [];
  const cells = lines.length > 1 ? (lines.at(-1)?.split(';') ?? []) : [];
  return (column) => {
    const index = names.indexOf(column);
    if (index === -1) throw new Error(`SIPp's statistics have no column ${column}`);
    return Number(cells[index] ?? 0);
  };
}
