// The relay suite: PCMU both ways through our media process and through rtpengine, in turn. CPU for a packet, added delay,
// loss, and memory for a call; bench/README.md says how each is taken.
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import { quantileUs } from '../figures/relay-times.ts';
import { median } from '../figures/statistics.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import { findProgram } from '../machine/programs.ts';
import type { MediaPeer } from '../peers/media-program.ts';
import { relayFloor } from '../peers/relay-floor.ts';
import { rtpengine } from '../peers/rtpengine.ts';
import { trunkyardMedia } from '../peers/trunkyard-media.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import type { LoadRun, RelayRun, RelaySize } from './relay-run.ts';
import { runDirect, runRelay } from './relay-run.ts';
import { buildLoadTool } from './rtp-load.ts';

export interface RelaySettings extends RelaySize {
  /** Valid pairs that are wanted. */
  readonly pairs: number;
  /** Pairs that are tried for them. */
  readonly pairsMax: number;
  /** Null: ours alone. */
  readonly peer: MediaPeer | null;
}

/** 2,000 streams and 100,000 packets a second. */
const FULL = {
  calls: 1_000,
  times: { warmupMs: 3_000, measureMs: 10_000 },
  pairs: 5,
  pairsMax: 15,
};
const QUICK = { calls: 100, times: { warmupMs: 1_000, measureMs: 2_000 }, pairs: 1, pairsMax: 3 };

const CONTROL_TRIES = 3;

export const relaySuite: Suite = {
  name: 'relay',
  summary:
    '2,000 PCMU streams relayed: CPU a packet, added delay, loss, memory a call; beside rtpengine',
  run: (options) => {
    const path = findProgram('rtpengine');
    if (path === null)
      options.say('rtpengine is not installed: ours alone (Debian: rtpengine-daemon)');
    const peer = path === null ? null : rtpengine(path);
    return runRelaySuite({ ...(options.quick ? QUICK : FULL), peer }, options);
  },
};

/** Ours and the peer's, and the least that any relay over sockets costs at that hour. */
interface Pair {
  readonly ours: RelayRun;
  readonly theirs: RelayRun | null;
  readonly floor: RelayRun;
}

function runsOf({ ours, theirs, floor }: Pair): readonly RelayRun[] {
  return theirs === null ? [ours, floor] : [ours, theirs, floor];
}

/** The suite in any size. */
export async function runRelaySuite(
  settings: RelaySettings,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  buildLoadTool();
  const cores = chooseCores();
  const lonely = coresReason(cores);
  if (lonely !== null) return invalidReport(lonely, []);
  moveTo(cores.load);

  const direct: LoadRun[] = [await control(settings, cores, say)];
  if (direct.some(({ invalidReason }) => invalidReason !== null)) return controlFailed(direct);
  const { pairs, reasons } = await collectPairs(settings, cores, say);
  direct.push(await control(settings, cores, say));

  const disturbances = [...direct, ...pairs.flatMap(runsOf)].map(({ disturbance }) => disturbance);
  if (direct.some(({ invalidReason }) => invalidReason !== null)) return controlFailed(direct);
  if (pairs.length < settings.pairs)
    return invalidReport(
      `${pairs.length} of ${settings.pairs} pairs were valid; last: ${reasons.at(-1) ?? 'none'}`,
      disturbances,
    );
  const floorUs = median(direct.map(({ load }) => load.delayUs.p50));
  return {
    suite: 'relay',
    valid: true,
    machine: machineFacts(disturbances),
    results: resultsOf(pairs, { floorUs, peer: settings.peer?.name ?? null }),
  };
}

/** The load tool alone, once more when the machine disturbed it: a control that fails makes all the pairs worthless. */
async function control(
  size: RelaySize,
  cores: Cores,
  say: (line: string) => void,
): Promise<LoadRun> {
  for (let tried = 1; ; tried += 1) {
    const run = await runDirect(size, cores);
    say(`load alone: ${loadText(run)}`);
    if (run.invalidReason === null || tried === CONTROL_TRIES) return run;
  }
}

/** Ours and theirs in turn until enough pairs are valid; the order changes so that neither always comes second. */
async function collectPairs(
  settings: RelaySettings,
  cores: Cores,
  say: (line: string) => void,
): Promise<{ readonly pairs: readonly Pair[]; readonly reasons: readonly string[] }> {
  const pairs: Pair[] = [];
  const reasons: string[] = [];
  const { peer } = settings;
  for (let tried = 0; tried < settings.pairsMax && pairs.length < settings.pairs; tried += 1) {
    const run = async (program: MediaPeer): Promise<RelayRun> => {
      const done = await runRelay(program, settings, cores);
      say(`${program.name.padEnd(11)}: ${relayText(done)}`);
      return done;
    };
    const theirsFirst = tried % 2 === 1 && peer !== null ? await run(peer) : null;
    const ours = await run(trunkyardMedia);
    const theirs = theirsFirst ?? (peer === null ? null : await run(peer));
    const pair = { ours, theirs, floor: await run(relayFloor) };
    const invalid = runsOf(pair).find(({ invalidReason }) => invalidReason !== null);
    if (invalid === undefined) pairs.push(pair);
    else reasons.push(invalid.invalidReason ?? '');
  }
  return { pairs, reasons };
}

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly of: (run: RelayRun) => number;
}

function resultsOf(
  pairs: readonly Pair[],
  { floorUs, peer }: { readonly floorUs: number; readonly peer: string | null },
): readonly BenchResult[] {
  const added = (us: number): number => Math.max(0, us - floorUs);
  const figures: readonly Figure[] = [
    { name: 'relay.cpu_ns_per_packet', unit: 'ns', of: ({ cpuNsPerPacket }) => cpuNsPerPacket },
    { name: 'relay.added_p50', unit: 'us', of: ({ load }) => added(load.delayUs.p50) },
    { name: 'relay.added_p99', unit: 'us', of: ({ load }) => added(load.delayUs.p99) },
    { name: 'relay.loss', unit: 'share', of: ({ lossShare }) => lossShare },
    {
      name: 'relay.memory_per_call',
      unit: 'bytes',
      of: ({ memoryPerCallBytes }) => memoryPerCallBytes,
    },
  ];
  return [
    ...figures.map((figure) =>
      pairedResult(
        figure,
        pairs.map(({ ours, theirs }) => ({
          ours: figure.of(ours),
          theirs: theirs === null ? null : figure.of(theirs),
        })),
        peer,
      ),
    ),
    ...ownTimeResults(pairs),
    {
      name: 'relay.floor_cpu_ns_per_packet',
      unit: 'ns',
      value: median(pairs.map(({ floor }) => floor.cpuNsPerPacket)),
    },
  ];
}

/** The median of a share of the program's own histogram, over the pairs; nothing when it has counted nothing. */
function ownTimeResults(pairs: readonly Pair[]): readonly BenchResult[] {
  return [
    { name: 'relay.engine_p50', share: 0.5 },
    { name: 'relay.engine_p99', share: 0.99 },
  ].flatMap(({ name, share }) => {
    const values = pairs.flatMap(({ ours }) => quantileUs(ours.ownTimes, share) ?? []);
    return values.length === 0 ? [] : [{ name, unit: 'us', value: median(values) }];
  });
}

function controlFailed(direct: readonly LoadRun[]): SuiteReport {
  const reason = direct.find(({ invalidReason }) => invalidReason !== null)?.invalidReason ?? '';
  return invalidReport(
    `load tool alone: ${reason}`,
    direct.map(({ disturbance }) => disturbance),
  );
}

function invalidReport(invalidReason: string, disturbances: readonly Disturbance[]): SuiteReport {
  return {
    suite: 'relay',
    valid: false,
    invalidReason,
    machine: machineFacts(disturbances),
    results: [],
  };
}

function relayText(run: RelayRun): string {
  const own = quantileUs(run.ownTimes, 0.5);
  const told = own === null ? '' : `, by its own account p50 ${own.toFixed(0)} us`;
  return `${(run.cpuNsPerPacket / 1000).toFixed(2)} us CPU a packet, ${(run.memoryPerCallBytes / 1024).toFixed(1)} KB a call, ${loadText(run)}${told}`;
}

/** How a run of the load tool went, in a line. */
export function loadText({ load, disturbance, invalidReason }: LoadRun): string {
  const shares = `tool ${percent(load.ownCpu)}, steal ${percent(disturbance.stealShare)}, others ${percent(disturbance.foreignShare)}`;
  const verdict = invalidReason === null ? '' : `; INVALID: ${invalidReason}`;
  const { p50, p99, max } = load.delayUs;
  // Streams known by their source alone have no delay.
  const delays = max === 0 ? '' : `p50 ${p50.toFixed(0)} us, p99 ${p99.toFixed(0)} us, `;
  return `${delays}${load.received} of ${load.sent} arrived, ${shares}${verdict}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
