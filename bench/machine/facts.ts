// Where figures come from: the machine, the programs' versions, and what disturbed the run.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Disturbance } from './disturbance.ts';

export interface MachineFacts {
  readonly cpu: string;
  /** Logical CPUs that are ours to use. */
  readonly cpus: number;
  readonly kernel: string;
  readonly node: string;
  /** Short hash, with `+` when files differ from it. */
  readonly commit: string;
  readonly date: string;
  /** Share of the machine's time that the host took away while figures were taken, 0 to 1; the worst run's. */
  readonly stealShare: number;
  /** Share of the machine's time that programs other than the bench used; the worst run's. */
  readonly foreignShare: number;
}

/** The facts of this machine, with the worst of what disturbed the runs that count. */
export function machineFacts(disturbances: readonly Disturbance[]): MachineFacts {
  const worst = (of: (one: Disturbance) => number): number =>
    Number(Math.max(0, ...disturbances.map(of)).toFixed(4));
  return {
    cpu: cpuModel(),
    cpus: allowedCpus().length,
    kernel: release(),
    node: process.versions.node,
    commit: commit(),
    date: new Date().toISOString(),
    stealShare: worst(({ stealShare }) => stealShare),
    foreignShare: worst(({ foreignShare }) => foreignShare),
  };
}

/** Numbers of the CPUs that this process might use when it started; it moves to one of them later. */
const CPUS_AT_START = cpusOf(readFileSync('/proc/self/status', 'utf8'));

export function allowedCpus(): readonly number[] {
  return CPUS_AT_START;
}

/** The CPUs of a /proc/PID/status, whose list looks like `0-3,8`. */
export function cpusOf(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return (list ?? '0').split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function cpuModel(): string {
  return /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
}

function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    // A package without its repository is measured too.
    return 'none';
  }
}
