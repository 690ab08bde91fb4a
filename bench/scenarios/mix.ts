// The mix suite: conferences of the media process with RTP in and out, in rooms of 3, 16 and 256. Everybody sends PCMU and is sent a mix,
// so a participant is a packet received and one sent every 20 ms, a decoder, a place in the mix and an encoder.
import type { SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import type { MediaPoint } from '../peers/media-program.ts';
import { startConferences } from '../peers/trunkyard-media.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { loadText } from './relay.ts';
import type { LoadRun } from './relay-run.ts';
import { runWatched } from './relay-run.ts';
import type { LoadTimes } from './rtp-load.ts';
import { buildPayloads, participantPoints, roomPlanText } from './rtp-load.ts';

interface MixCase {
  readonly name: string;
  readonly roomSize: number;
  /** Of a room; the others send silence. */
  readonly talkersMax: number;
}

const CASES: readonly MixCase[] = [
  { name: '3', roomSize: 3, talkersMax: Infinity },
  { name: '16', roomSize: 16, talkersMax: Infinity },
  { name: '256', roomSize: 256, talkersMax: Infinity },
  // What meetings are like: the sum of three for all, encoded once.
  { name: '256_few_talk', roomSize: 256, talkersMax: 3 },
];

export interface MixSettings {
  /** In all rooms together: a multiple of their sizes, half a core. */
  readonly participants: number;
  readonly times: LoadTimes;
  readonly turns: number;
  /** Turns that may be tried once more because the machine was disturbed, in all. */
  readonly retriesMax: number;
}

const FULL: MixSettings = {
  participants: 768,
  times: { warmupMs: 1_500, measureMs: 4_000 },
  turns: 3,
  retriesMax: 6,
};
const QUICK: MixSettings = {
  participants: 768,
  times: { warmupMs: 500, measureMs: 1_000 },
  turns: 1,
  retriesMax: 2,
};
/** Of the packets of a run that counts. */
const LOSS_SHARE_MAX = 0.02;

export const mixSuite: Suite = {
  name: 'mix',
  summary: 'conferences over RTP: PCMU participants a core, in rooms of 3 to 256',
  run: (options) => runMixSuite(options.quick ? QUICK : FULL, options),
};

/** Share of a core that a participant costs, by the case's name. */
type Shares = ReadonlyMap<string, number>;

/** The suite in any size. */
export async function runMixSuite(
  settings: MixSettings,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  const cores = chooseCores();
  let reason = coresReason(cores);
  const disturbances: Disturbance[] = [];
  const turns: Shares[] = [];
  let retriesLeft = settings.retriesMax;
  if (reason === null) {
    buildPayloads();
    moveTo(cores.load);
  }
  while (reason === null && turns.length < settings.turns) {
    const shares = new Map<string, number>();
    for (const room of CASES) {
      const { run, share } = await runRooms(room, settings, cores);
      say(
        `rooms of ${room.name.padEnd(12)}: ${(100 * share).toFixed(4)} % a participant, ${loadText(run)}`,
      );
      const invalidReason = run.invalidReason ?? lossReason(run);
      if (invalidReason !== null && retriesLeft === 0) reason ??= invalidReason;
      if (invalidReason !== null) break;
      disturbances.push(run.disturbance);
      shares.set(room.name, share);
    }
    // A turn is whole or is none: its cases are set beside each other.
    if (shares.size === CASES.length) turns.push(shares);
    else retriesLeft -= 1;
  }
  const machine = machineFacts(disturbances);
  if (reason !== null)
    return { suite: 'mix', valid: false, invalidReason: reason, machine, results: [] };
  return { suite: 'mix', valid: true, machine, results: figures(turns) };
}

function figures(turns: readonly Shares[]): SuiteReport['results'] {
  const figure = (name: string, unit: string, of: (shares: Shares) => number) =>
    pairedResult(
      { name, unit },
      turns.map((shares) => ({ ours: of(shares), theirs: null })),
      null,
    );
  return [
    ...CASES.map(({ name }) =>
      figure(`mix.participants_per_core_${name}`, 'participants', (it) => 1 / shareOf(it, name)),
    ),
    figure('mix.largest_to_smallest', 'x', (it) => shareOf(it, '256') / shareOf(it, '3')),
  ];
}

function shareOf(shares: Shares, name: string): number {
  const share = shares.get(name);
  if (share === undefined) throw new Error(`no case ${name}`);
  return share;
}

/** Starts the media process, fills its rooms, and drives them. */
export async function runRooms(
  { roomSize, talkersMax }: Pick<MixCase, 'roomSize' | 'talkersMax'>,
  { participants, times }: Pick<MixSettings, 'participants' | 'times'>,
  cores: Cores,
): Promise<{ readonly run: LoadRun; readonly share: number }> {
  const program = await startConferences({ cores, participants });
  try {
    const points = participantPoints(participants);
    const ports: readonly MediaPoint[] = await program.openRooms(points, roomSize);
    const talks = (participant: number): boolean => participant % roomSize < talkersMax;
    const plan = roomPlanText({ points, ports, talks }, times);
    const { run, costNs } = await runWatched(plan, cores, () => [program.pid]);
    return { run, share: costNs / (1e9 * run.load.measuredS * participants) };
  } finally {
    await program.close();
  }
}

/** Whoever isn't sent what he should hear costs nothing. */
function lossReason({ load: { planned, received } }: LoadRun): string | null {
  const share = 1 - received / Math.max(1, planned);
  return share > LOSS_SHARE_MAX ? `${(100 * share).toFixed(0)} % of the mix was not sent` : null;
}
