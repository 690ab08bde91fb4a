// How far a run was alone on the machine: time that the host took away (steal) and time that other programs used. Both make
// figures of the run worthless when large, and are written beside the figures when small.
//
// Other programs' time is the scheduler's own account of each of their threads. What /proc/stat calls busy can't be used: it is
// sampled at the clock's ticks, and a load that runs every so many milliseconds falls in step with them. It was seen to
// call half a core busy that nobody used.
import { readdirSync, readFileSync } from 'node:fs';
import { cpuNs } from './cost.ts';

export interface Disturbance {
  /** Share of the machine's time, 0 to 1. */
  readonly stealShare: number;
  readonly foreignShare: number;
}

/** A share of steal or of other programs above these makes a run invalid. */
const STEAL_SHARE_MAX = 0.1;
const FOREIGN_SHARE_MAX = 0.1;
/** USER_HZ is 100 on every Linux this runs on. */
const TICK_MS = 10;

interface CpuTimes {
  readonly stealMs: number;
  readonly totalMs: number;
}

/** Time of all CPUs since the machine's start, from the first line of /proc/stat. */
export function readCpuTimes(text: string = readFileSync('/proc/stat', 'utf8')): CpuTimes {
  // user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in the first two.
  const ticks = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').split(/\s+/).map(Number).slice(0, 8);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  return { stealMs: (ticks[7] ?? 0) * TICK_MS, totalMs: total * TICK_MS };
}

/** A process as the watch sees it. */
export interface ProcessTime {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of its living threads and of its children that are gone. */
  readonly ms: number;
}

/** A process from the text of /proc/PID/stat (proc(5)). @param threadsMs CPU time of its living threads. */
export function processTime(pid: number, statText: string, threadsMs: number): ProcessTime {
  // The name may hold anything, blanks and brackets too.
  const fields = statText.slice(statText.lastIndexOf(')') + 2).split(' ');
  const [parent = 0, childrenUser = 0, childrenSystem = 0] = [1, 13, 14].map((i) =>
    Number(fields[i]),
  );
  return { pid, parent, ms: threadsMs + (childrenUser + childrenSystem) * TICK_MS };
}

function readProcesses(): readonly ProcessTime[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return [processTime(Number(name), stat, cpuNs(Number(name)) / 1e6)];
    } catch {
      return []; // gone meanwhile
    }
  });
}

/** CPU time between two readings of all processes but `root` and whoever descends from it. */
export function foreignMsBetween(
  begin: readonly ProcessTime[],
  end: readonly ProcessTime[],
  root: number,
): number {
  const before = new Map(begin.map(({ pid, ms }) => [pid, ms]));
  const parents = new Map(end.map(({ pid, parent }) => [pid, parent]));
  const isOwn = (pid: number): boolean => {
    let at = pid;
    while (at !== root && at > 0) at = parents.get(at) ?? 0;
    return at === root;
  };
  return end
    .filter(({ pid }) => !isOwn(pid))
    .map(({ pid, ms }) => Math.max(0, ms - (before.get(pid) ?? 0)))
    .reduce((sum, ms) => sum + ms, 0);
}

/** Watches the machine from its construction to `end`. Whatever descends from this process is the bench's own. */
export class MachineWatch {
  readonly #times = readCpuTimes();
  readonly #processes = readProcesses();

  end(): Disturbance {
    const foreignMs = foreignMsBetween(this.#processes, readProcesses(), process.pid);
    return disturbanceBetween(this.#times, readCpuTimes(), foreignMs);
  }
}

/** What happened between two readings. */
export function disturbanceBetween(begin: CpuTimes, end: CpuTimes, foreignMs: number): Disturbance {
  const totalMs = Math.max(1, end.totalMs - begin.totalMs);
  return {
    stealShare: (end.stealMs - begin.stealMs) / totalMs,
    foreignShare: foreignMs / totalMs,
  };
}

/** Why a run so disturbed has no figures; null when it has. */
export function disturbanceReason({ stealShare, foreignShare }: Disturbance): string | null {
  if (stealShare > STEAL_SHARE_MAX)
    return `the host took ${(100 * stealShare).toFixed(0)} % of the machine's time`;
  if (foreignShare > FOREIGN_SHARE_MAX)
    return `other programs used ${(100 * foreignShare).toFixed(0)} % of the machine`;
  return null;
}
