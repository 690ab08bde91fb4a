// Programs that the end-to-end tests start: each with an end that can be waited for, and never left behind.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and error together, in the order they came. */
  readonly output: string;
}

export interface Program {
  readonly pid: number;
  /** Settles when the program has ended and its output is whole. */
  readonly ended: Promise<Ended>;
  /** What it has printed so far. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, insists after `graceMs`, and waits. Safe to call again. */
  stop(options?: { readonly signal?: NodeJS.Signals; readonly graceMs?: number }): Promise<Ended>;
}

/** Programs that run; a test file that fails half-way must not leave any. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Bytes of output kept; a program that talks for ever must not fill the test's memory. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Starts a program without input.
 * @throws when it can't be started at all.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Program {
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const keep = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const output = (): string => Buffer.concat(chunks).toString('utf8');
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, output: output() });
    });
  });
  // Whoever needs the end asks for it; a start that fails before that must not end the test process unheard.
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ended,
    output,
    signal: (signal) => {
      child.kill(signal);
    },
    stop: async ({ signal = 'SIGTERM', graceMs = 5000 } = {}) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const insist = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(insist);
      }
    },
  };
}
