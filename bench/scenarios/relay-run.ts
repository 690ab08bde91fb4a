// One run of the relay suite: a program started fresh, its calls opened, the load driven through it, its cost read over
// exactly the time that the load tool counts.
import type { Cores } from '../machine/cores.ts';
import { cpuNs, residentBytes, total } from '../machine/cost.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { disturbanceReason, MachineWatch } from '../machine/disturbance.ts';
import type { RelayTimes } from '../../src/engine/index.ts';
import type { CallMedia, MediaPeer, MediaProgram } from '../peers/media-program.ts';
import { RELAYED } from '../peers/media-program.ts';
import type { LoadResult, LoadTimes } from './rtp-load.ts';
import { callEnds, directPorts, planText, runLoad } from './rtp-load.ts';

export interface RelaySize {
  /** Calls up; each is two streams. */
  readonly calls: number;
  readonly times: LoadTimes;
  /** What the calls carry; PCMU, relayed, when left out. */
  readonly media?: CallMedia;
}

/** The load tool's run, and whether the machine left it alone. */
export interface LoadRun {
  readonly load: LoadResult;
  readonly disturbance: Disturbance;
  /** Null when the figures may be used. */
  readonly invalidReason: string | null;
}

/** A load through a program. */
export interface LoadedRun extends LoadRun {
  /** CPU of the program under test for each packet that it delivered. */
  readonly cpuNsPerPacket: number;
  /** Share of the packets sent that never arrived. */
  readonly lossShare: number;
  /** Memory of the program under load. */
  readonly residentBytes: number;
  /** What the program itself says about the time that packets took in the measured time; null when it says nothing. */
  readonly ownTimes: RelayTimes | null;
}

export interface RelayRun extends LoadedRun {
  /** Memory under load less that of the same program started for a single call: what is taken at start counts. */
  readonly memoryPerCallBytes: number;
}

/** Runs a program once, from its start to its end, and before that one without calls. */
export async function runRelay(peer: MediaPeer, size: RelaySize, cores: Cores): Promise<RelayRun> {
  const emptyBytes = await emptyProgramBytes(peer, cores);
  const run = await runLoaded(peer, size, cores);
  return { ...run, memoryPerCallBytes: (run.residentBytes - emptyBytes) / size.calls };
}

/** Runs a program once, from its start to its end. */
export async function runLoaded(
  peer: MediaPeer,
  size: RelaySize,
  cores: Cores,
): Promise<LoadedRun> {
  const program = await peer.start({ cores, calls: size.calls });
  try {
    const ends = callEnds(size.calls);
    const media = size.media ?? RELAYED;
    const ports = await program.openCalls(ends, media);
    const plan = planText(ends, ports, size.times, media);
    const payers = (): readonly number[] => [program.pid];
    const { run, costNs: programNs, ownTimes } = await runWatched(plan, cores, payers, program);
    return {
      ...run,
      ownTimes,
      cpuNsPerPacket: programNs / Math.max(1, run.load.received),
      // What is counted by its arrival alone may have been sent before the measured time.
      lossShare: Math.max(0, 1 - run.load.received / Math.max(1, run.load.sent)),
      residentBytes: residentBytes(program.pid),
    };
  } finally {
    await program.close();
  }
}

/** Memory of a program that has room for a call, and none. */
async function emptyProgramBytes(peer: MediaPeer, cores: Cores): Promise<number> {
  const program = await peer.start({ cores, calls: 1 });
  try {
    return residentBytes(program.pid);
  } finally {
    await program.close();
  }
}

/** Runs the load tool against itself: what it and the kernel take without any program between. */
export async function runDirect(size: RelaySize, cores: Cores): Promise<LoadRun> {
  const ends = callEnds(size.calls);
  const { run } = await runWatched(planText(ends, directPorts(ends), size.times), cores, () => []);
  return run;
}

/**
 * Runs a plan and reads costs over exactly the time that the load tool counts.
 * @param payers  the processes whose CPU time is the cost, given the load tool's.
 * @param program is asked for its own account of the same time; null for none.
 */
export async function runWatched(
  plan: string,
  cores: Cores,
  payers: (toolPid: number) => readonly number[],
  program: MediaProgram | null = null,
): Promise<{
  readonly run: LoadRun;
  readonly costNs: number;
  readonly ownTimes: RelayTimes | null;
}> {
  let timesBegin: RelayTimes | null = null;
  let timesEnd: RelayTimes | null = null;
  let watch: MachineWatch | null = null;
  let begin = 0;
  let costNs = 0;
  let disturbance: Disturbance | null = null;
  const load = await runLoad(plan, cores, {
    measuring: (toolPid) => {
      watch = new MachineWatch();
      begin = total(payers(toolPid), cpuNs);
      timesBegin = program?.relayTimes() ?? null;
    },
    measured: (toolPid) => {
      costNs = total(payers(toolPid), cpuNs) - begin;
      disturbance = watch?.end() ?? null;
      timesEnd = program?.relayTimes() ?? null;
    },
  });
  if (disturbance === null) throw new Error('the load tool did not say when it measured');
  const invalidReason =
    load.invalidReason ?? disturbanceReason(disturbance) ?? deliveryReason(load);
  return {
    run: { load, disturbance, invalidReason },
    costNs,
    ownTimes: timesBetween(timesBegin, timesEnd),
  };
}

function timesBetween(begin: RelayTimes | null, end: RelayTimes | null): RelayTimes | null {
  if (begin === null || end === null) return null;
  const counts = end.counts.map((count, index) => count - (begin.counts[index] ?? 0));
  return { counts, sumUs: end.sumUs - begin.sumUs };
}

/** Loss is a figure; a program that delivers nothing, or to the wrong place, has none. */
function deliveryReason({ received, misdelivered, duplicates }: LoadResult): string | null {
  if (received === 0) return 'nothing arrived';
  if (misdelivered > 0) return `${misdelivered} packets arrived where they don't belong`;
  if (duplicates > 0) return `${duplicates} packets arrived twice`;
  return null;
}
