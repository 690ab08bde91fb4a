// What processes cost: CPU time by the scheduler's own account, threads included, and memory.
import { readFileSync, readdirSync } from 'node:fs';

/**
 * CPU time of a process's living threads. Unlike the ticks of /proc/PID/stat it is exact, and it doesn't count the
 * time that was stolen.
 */
export function cpuNs(pid: number): number {
  return threadsOf(pid)
    .map((thread) => Number(readOrEmpty(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]))
    .reduce((sum, ns) => sum + (Number.isNaN(ns) ? 0 : ns), 0);
}

/** Memory of a process that is in RAM; what it shares with others counts in each. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
  return 1024 * Number(kilobytes ?? 0);
}

/** The kernel's threads that handle packets when no program's system call does. */
export function softirqPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => readOrEmpty(`/proc/${name}/comm`).startsWith('ksoftirqd/'))
    .map(Number);
}

/** The sum of a cost over processes. */
export function total(pids: readonly number[], cost: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + cost(pid), 0);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** The text of a file in /proc, or nothing when its process is gone by now. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
