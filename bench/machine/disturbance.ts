// How far a run was alone on the machine: time that the host took away (steal) and time that other programs used. Both make
// figures of the run worthless when large, and are written beside the figures when small.
import { readFileSync } from 'node:fs';

export interface Disturbance {
  /** Share of the machine's time, 0 to 1. */
  readonly stealShare: number;
  readonly foreignShare: number;
}

/** A share of steal or of other programs above these makes a run invalid. */
const STEAL_SHARE_MAX = 0.1;
const FOREIGN_SHARE_MAX = 0.1;

interface CpuTimes {
  readonly busyMs: number;
  readonly stealMs: number;
  readonly totalMs: number;
}

/** Time of all CPUs since the machine's start, from the first line of /proc/stat. */
export function readCpuTimes(text: string = readFileSync('/proc/stat', 'utf8')): CpuTimes {
  const TICK_MS = 10; // USER_HZ is 100 on every Linux this runs on.
  const ticks = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] =
    ticks;
  const busy = user + nice + system + irq + softIrq;
  return {
    busyMs: busy * TICK_MS,
    stealMs: steal * TICK_MS,
    totalMs: (busy + idle + ioWait + steal) * TICK_MS,
  };
}

/** Watches the machine from its construction to `end`. */
export class MachineWatch {
  readonly #begin = readCpuTimes();

  /** @param ownMs CPU time of the programs under test, of the load and of the bench since the construction. */
  end(ownMs: number): Disturbance {
    return disturbanceBetween(this.#begin, readCpuTimes(), ownMs);
  }
}

/** What happened between two readings besides `ownMs` of our own. */
export function disturbanceBetween(begin: CpuTimes, end: CpuTimes, ownMs: number): Disturbance {
  const totalMs = Math.max(1, end.totalMs - begin.totalMs);
  return {
    stealShare: (end.stealMs - begin.stealMs) / totalMs,
    // Ticks are coarse and ours are exact, so the difference may fall a little below nothing.
    foreignShare: Math.max(0, (end.busyMs - begin.busyMs - ownMs) / totalMs),
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
