// The transcode suite: calls both ways between PCMU and PCMA, G.722 or Opus, through our media process and rtpengine in turn.
import type { CallMedia, MediaPeer, Spoken } from '../peers/media-program.ts';
import type { SuiteReport } from '../figures/report.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import type { CaseFigure } from './cases.ts';
import { rtpenginePeer, runCases, runOf } from './cases.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildPayloads } from './rtp-load.ts';

export interface TranscodeSettings {
  /** Calls by what PCMU is turned into and back: as many as a core of the slower program carries with half of it to spare. */
  readonly calls: Readonly<Record<Exclude<Spoken, 'PCMU'>, number>>;
  readonly times: LoadTimes;
  readonly turns: number;
  readonly peer: MediaPeer | null;
}

const FULL = {
  calls: { PCMA: 100, G722: 60, opus: 15 },
  times: { warmupMs: 1_500, measureMs: 4_000 },
  turns: 5,
};
const QUICK = {
  calls: { PCMA: 10, G722: 10, opus: 5 },
  times: { warmupMs: 500, measureMs: 1_000 },
  turns: 1,
};
const RETRIES_MAX = 12;
/** Packets of a call in a second, both ways. */
const PACKETS_A_SECOND = 100;

function between(codec: Spoken): CallMedia {
  return { a: { codec: 'PCMU', key: null }, b: { codec, key: null } };
}

function nsFigure(codec: string): CaseFigure {
  const name = codec.toLowerCase();
  return {
    name: `transcode.${name}_ns_per_packet`,
    unit: 'ns',
    of: (runs) => runOf(runs, name).cpuNsPerPacket,
  };
}

const FIGURES: readonly CaseFigure[] = [
  nsFigure('PCMA'),
  nsFigure('G722'),
  nsFigure('opus'),
  {
    name: 'transcode.opus_calls_per_core',
    unit: 'calls',
    of: (runs) => 1e9 / (PACKETS_A_SECOND * runOf(runs, 'opus').cpuNsPerPacket),
  },
];

export const transcodeSuite: Suite = {
  name: 'transcode',
  summary:
    'PCMU to PCMA, G.722 and Opus and back: CPU a packet, Opus calls a core; beside rtpengine',
  run: (options) =>
    runTranscodeSuite(
      { ...(options.quick ? QUICK : FULL), peer: rtpenginePeer(options.say) },
      options,
    ),
};

/** The suite in any size. */
export async function runTranscodeSuite(
  { calls, times, turns, peer }: TranscodeSettings,
  options: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  buildPayloads();
  const cases = new Map([
    ['pcma', { calls: calls.PCMA, times, media: between('PCMA') }],
    ['g722', { calls: calls.G722, times, media: between('G722') }],
    ['opus', { calls: calls.opus, times, media: between('opus') }],
  ]);
  const suite = {
    suite: 'transcode',
    cases,
    figures: FIGURES,
    turns,
    retriesMax: RETRIES_MAX,
    peer,
  };
  return runCases(suite, options);
}
