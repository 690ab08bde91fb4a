// The transcode suite: calls both ways between PCMU and PCMA, G.722 or Opus, through our media process and rtpengine in turn.
import type { CallMedia, EndMedia, MediaPeer, OpusEffort, Spoken } from '../peers/media-program.ts';
import type { SuiteReport } from '../figures/report.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import type { CaseFigure } from './cases.ts';
import { rtpenginePeer, runCases, runOf } from './cases.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildPayloads } from './rtp-load.ts';

/** By what PCMU is turned into and back. */
interface Calls extends Readonly<Record<Exclude<Spoken, 'PCMU'>, number>> {
  /** With Opus as rtpengine has it. */
  readonly opusAlike: number;
}

export interface TranscodeSettings {
  /** As many as a core carries with half of it to spare: how many it carries is told at the same load, not with the same calls. */
  readonly calls: { readonly ours: Calls; readonly theirs: Calls };
  readonly times: LoadTimes;
  readonly turns: number;
  readonly peer: MediaPeer | null;
}

const FULL = {
  calls: {
    ours: { PCMA: 400, G722: 180, opus: 60, opusAlike: 30 },
    theirs: { PCMA: 100, G722: 60, opus: 15, opusAlike: 15 },
  },
  times: { warmupMs: 1_500, measureMs: 4_000 },
  turns: 5,
};
const QUICK = {
  calls: {
    ours: { PCMA: 20, G722: 20, opus: 10, opusAlike: 5 },
    theirs: { PCMA: 10, G722: 10, opus: 5, opusAlike: 5 },
  },
  times: { warmupMs: 500, measureMs: 1_000 },
  turns: 1,
};
const RETRIES_MAX = 12;
/** Packets of a call in a second, both ways. */
const PACKETS_A_SECOND = 100;

/** rtpengine's way with Opus: the whole band, whatever the other end has, at libopus' usual complexity there. */
const LIKE_RTPENGINE: OpusEffort = { rateKhz: 48, complexity: 10 };

function between(codec: Spoken, opus?: OpusEffort): CallMedia {
  const b: EndMedia = { codec, key: null };
  return { a: { codec: 'PCMU', key: null }, b: opus === undefined ? b : { ...b, opus } };
}

const nsFigure = (name: string): CaseFigure => ({
  name: `transcode.${name}_ns_per_packet`,
  unit: 'ns',
  of: (runs) => runOf(runs, name).cpuNsPerPacket,
});

const perCoreFigure = (name: string, of: 'streams' | 'calls'): CaseFigure => ({
  name: `transcode.${name}_${of}_per_core`,
  unit: of,
  of: (runs) =>
    1e9 / (runOf(runs, name).cpuNsPerPacket * PACKETS_A_SECOND * (of === 'calls' ? 1 : 0.5)),
});

const FIGURES: readonly CaseFigure[] = [
  nsFigure('pcma'),
  nsFigure('g722'),
  nsFigure('opus'),
  perCoreFigure('pcma', 'streams'),
  perCoreFigure('g722', 'streams'),
  perCoreFigure('opus', 'calls'),
  perCoreFigure('opus_48khz_cx10', 'calls'),
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
  const { ours, theirs } = calls;
  const cases = new Map([
    ['pcma', { calls: theirs.PCMA, times, media: between('PCMA') }],
    ['g722', { calls: theirs.G722, times, media: between('G722') }],
    ['opus', { calls: theirs.opus, times, media: between('opus') }],
    ['opus_48khz_cx10', { calls: theirs.opusAlike, times, media: between('opus', LIKE_RTPENGINE) }],
  ]);
  const ownCalls = new Map([
    ['pcma', ours.PCMA],
    ['g722', ours.G722],
    ['opus', ours.opus],
    ['opus_48khz_cx10', ours.opusAlike],
  ]);
  const suite = {
    suite: 'transcode',
    cases,
    ownCalls,
    figures: FIGURES,
    turns,
    retriesMax: RETRIES_MAX,
    peer,
  };
  return runCases(suite, options);
}
