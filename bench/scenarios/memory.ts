// The memory suite: what a relayed call and one between PCMU and Opus hold, ours beside rtpengine's. A relayed call is so small that
// memory taken at start is most of it, so a program with calls is set beside one that was started for a single one. A transcoded
// call is measured within one process, from some calls to many: what the first of them brings in, code and stacks, is nobody's.
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import { machineFacts } from '../machine/facts.ts';
import { residentBytes } from '../machine/cost.ts';
import type { CallEnds, CallMedia, CallPorts, MediaPeer } from '../peers/media-program.ts';
import { trunkyardMedia } from '../peers/trunkyard-media.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { rtpenginePeer } from './cases.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildPayloads, callEnds, planText, runLoad } from './rtp-load.ts';
import { runRelay } from './relay-run.ts';

export interface MemorySettings {
  readonly relayed: number;
  readonly transcoded: number;
  readonly turns: number;
  readonly times: LoadTimes;
  readonly peer: MediaPeer | null;
}

// Packets come rarely: it is their calls that count, not their rate.
const TIMES = { warmupMs: 1_000, measureMs: 2_000, intervalMs: 100 };
const FULL = { relayed: 1_000, transcoded: 100, turns: 3, times: TIMES };
const QUICK = { relayed: 100, transcoded: 20, turns: 1, times: TIMES };

/** Transcoded calls that are up before any are counted. */
const FIRST_CALLS = 20;

const OPUS: CallMedia = { a: { codec: 'PCMU', key: null }, b: { codec: 'opus', key: null } };

export const memorySuite: Suite = {
  name: 'memory',
  summary: 'memory a relayed call and a call between PCMU and Opus; beside rtpengine',
  run: (options) =>
    runMemorySuite(
      { ...(options.quick ? QUICK : FULL), peer: rtpenginePeer(options.say) },
      options,
    ),
};

/** The suite in any size. A disturbed machine doesn't matter to memory; calls that carry nothing do. */
export async function runMemorySuite(
  settings: MemorySettings,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  buildPayloads();
  const cores = chooseCores();
  const lonely = coresReason(cores);
  const machine = machineFacts([]);
  if (lonely !== null)
    return { suite: 'memory', valid: false, invalidReason: lonely, machine, results: [] };
  moveTo(cores.load);
  const context = { settings, cores, say };
  const results: BenchResult[] = [
    await measure('memory.relay_bytes_per_call', relayedBytes, context),
    await measure('memory.opus_bytes_per_call', transcodedBytes, context),
  ];
  return { suite: 'memory', valid: true, machine, results };
}

interface Context {
  readonly settings: MemorySettings;
  readonly cores: Cores;
  readonly say: SuiteOptions['say'];
}

/** One figure, theirs and ours in turn. @param held bytes a call of one program. */
async function measure(
  name: string,
  held: (peer: MediaPeer, context: Context) => Promise<number>,
  context: Context,
): Promise<BenchResult> {
  const { settings, say } = context;
  const told = async (peer: MediaPeer): Promise<number> => {
    const bytes = await held(peer, context);
    say(`${peer.name.padEnd(11)} ${name}: ${(bytes / 1000).toFixed(1)} KB`);
    return bytes;
  };
  const turns: { readonly ours: number; readonly theirs: number | null }[] = [];
  for (let turn = 0; turn < settings.turns; turn += 1) {
    const theirs = settings.peer === null ? null : await told(settings.peer);
    turns.push({ ours: await told(trunkyardMedia), theirs });
  }
  return pairedResult({ name, unit: 'bytes' }, turns, settings.peer?.name ?? null);
}

async function relayedBytes(
  peer: MediaPeer,
  { settings: { relayed, times }, cores }: Context,
): Promise<number> {
  const run = await runRelay(peer, { calls: relayed, times }, cores);
  if (run.load.received === 0) throw new Error(`${peer.name} carried nothing`);
  return run.memoryPerCallBytes;
}

async function transcodedBytes(
  peer: MediaPeer,
  { settings: { transcoded, times }, cores }: Context,
): Promise<number> {
  const ends = callEnds(FIRST_CALLS + transcoded);
  const program = await peer.start({ cores, calls: ends.length });
  const talk = async (
    talking: readonly CallEnds[],
    ports: readonly CallPorts[],
  ): Promise<number> => {
    const nothing = (): void => undefined;
    const load = await runLoad(planText(talking, ports, times, OPUS), cores, {
      measuring: nothing,
      measured: nothing,
    });
    if (load.received === 0) throw new Error(`${peer.name} carried nothing`);
    return residentBytes(program.pid);
  };
  try {
    const first = await program.openCalls(ends.slice(0, FIRST_CALLS), OPUS);
    const before = await talk(ends.slice(0, FIRST_CALLS), first);
    const rest = await program.openCalls(ends.slice(FIRST_CALLS), OPUS);
    return ((await talk(ends, [...first, ...rest])) - before) / transcoded;
  } finally {
    await program.close();
  }
}
