// The memory suite: what a relayed call and one between PCMU and Opus hold, ours beside rtpengine's. The difference of the same
// program's memory with calls that have talked for some seconds and without any.
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import { machineFacts } from '../machine/facts.ts';
import type { CallMedia, MediaPeer } from '../peers/media-program.ts';
import { RELAYED } from '../peers/media-program.ts';
import { trunkyardMedia } from '../peers/trunkyard-media.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { rtpenginePeer } from './cases.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildPayloads } from './rtp-load.ts';
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
  const { relayed, transcoded } = settings;
  const results: BenchResult[] = [
    await measure(
      { name: 'memory.relay_bytes_per_call', calls: relayed, media: RELAYED },
      { settings, cores, say },
    ),
    await measure(
      { name: 'memory.opus_bytes_per_call', calls: transcoded, media: OPUS },
      { settings, cores, say },
    ),
  ];
  return { suite: 'memory', valid: true, machine, results };
}

async function measure(
  figure: { readonly name: string; readonly calls: number; readonly media: CallMedia },
  context: {
    readonly settings: MemorySettings;
    readonly cores: Cores;
    readonly say: SuiteOptions['say'];
  },
): Promise<BenchResult> {
  const { settings, cores, say } = context;
  const { name, calls, media } = figure;
  const held = async (peer: MediaPeer): Promise<number> => {
    const run = await runRelay(peer, { calls, times: settings.times, media }, cores);
    if (run.load.received === 0) throw new Error(`${peer.name} carried nothing`);
    say(`${peer.name.padEnd(11)} ${name}: ${(run.memoryPerCallBytes / 1000).toFixed(1)} KB`);
    return run.memoryPerCallBytes;
  };
  const turns: { readonly ours: number; readonly theirs: number | null }[] = [];
  for (let turn = 0; turn < settings.turns; turn += 1) {
    const theirs = settings.peer === null ? null : await held(settings.peer);
    turns.push({ ours: await held(trunkyardMedia), theirs });
  }
  return pairedResult({ name, unit: 'bytes' }, turns, settings.peer?.name ?? null);
}
