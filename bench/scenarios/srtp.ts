// The srtp suite: calls between a plain end and one under SRTP (AES_CM_128_HMAC_SHA1_80), less the same calls without. Each packet
// is protected or unprotected once on its way.
import type { CallMedia, MediaPeer } from '../peers/media-program.ts';
import type { SuiteReport } from '../figures/report.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import type { CaseFigure } from './cases.ts';
import { rtpenginePeer, runCases, runOf } from './cases.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildLoadTool } from './rtp-load.ts';

export interface SrtpSettings {
  readonly calls: number;
  readonly times: LoadTimes;
  readonly turns: number;
  readonly peer: MediaPeer | null;
}

const FULL = { calls: 400, times: { warmupMs: 2_000, measureMs: 5_000 }, turns: 5 };
const QUICK = { calls: 50, times: { warmupMs: 500, measureMs: 1_000 }, turns: 1 };
const RETRIES_MAX = 10;

/** Known to both sides; what it protects is silence. */
const KEY = Buffer.alloc(30, 0x2b);
const PLAIN: CallMedia = { a: { codec: 'PCMU', key: null }, b: { codec: 'PCMU', key: null } };
const SECURED: CallMedia = { a: PLAIN.a, b: { codec: 'PCMU', key: KEY } };

const FIGURES: readonly CaseFigure[] = [
  {
    name: 'srtp.added_ns_per_packet',
    unit: 'ns',
    of: (runs) => runOf(runs, 'srtp').cpuNsPerPacket - runOf(runs, 'plain').cpuNsPerPacket,
  },
  {
    name: 'srtp.cpu_ns_per_packet',
    unit: 'ns',
    of: (runs) => runOf(runs, 'srtp').cpuNsPerPacket,
  },
  { name: 'srtp.loss', unit: 'share', of: (runs) => runOf(runs, 'srtp').lossShare },
];

export const srtpSuite: Suite = {
  name: 'srtp',
  summary: 'what SRTP at one end adds to relaying a packet; beside rtpengine',
  run: (options) =>
    runSrtpSuite({ ...(options.quick ? QUICK : FULL), peer: rtpenginePeer(options.say) }, options),
};

/** The suite in any size. */
export async function runSrtpSuite(
  { calls, times, turns, peer }: SrtpSettings,
  options: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  buildLoadTool();
  const cases = new Map([
    ['plain', { calls, times, media: PLAIN }],
    ['srtp', { calls, times, media: SECURED }],
  ]);
  const suite = { suite: 'srtp', cases, figures: FIGURES, turns, retriesMax: RETRIES_MAX, peer };
  return runCases(suite, options);
}
