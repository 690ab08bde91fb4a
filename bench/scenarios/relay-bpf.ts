// The relay-bpf suite: the relay suite's load over veth, with ours forwarding inside the kernel, beside ours by sockets and
// rtpengine. What a relay in the kernel costs is charged to whoever sends, so every cost here is a difference: CPU of load tool,
// kernel threads and program with the relay, less the same without one; bench/README.md says why the figures compare.
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { median, medianInterval } from '../figures/statistics.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import { softirqPids } from '../machine/cost.ts';
import { machineFacts } from '../machine/facts.ts';
import { findProgram } from '../machine/programs.ts';
import { VethNet } from '../machine/veth.ts';
import type { MediaPeer } from '../peers/media-program.ts';
import { rtpengine } from '../peers/rtpengine.ts';
import { trunkyardPeer } from '../peers/trunkyard-media.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import type { LoadRun, RelaySize } from './relay-run.ts';
import { runWatched } from './relay-run.ts';
import { buildLoadTool, callEnds, directPorts, planText } from './rtp-load.ts';

export interface RelayBpfSettings extends RelaySize {
  /** Valid rounds that are wanted. */
  readonly rounds: number;
  /** Rounds that are tried for them. */
  readonly roundsMax: number;
  /** A path to rtpengine; null: ours alone. */
  readonly rtpengine: string | null;
}

/** Streams are in the kernel within three seconds. */
const WARMUP_MS = 4_000;
/** 2,000 streams and 100,000 packets a second. */
const FULL = {
  calls: 1_000,
  times: { warmupMs: WARMUP_MS, measureMs: 10_000 },
  rounds: 5,
  roundsMax: 15,
};
const QUICK = {
  calls: 100,
  times: { warmupMs: WARMUP_MS, measureMs: 2_000 },
  rounds: 1,
  roundsMax: 3,
};

/** Of the packets that arrived while it was counted, and before, so many must have come by the kernel. */
const KERNEL_SHARE_MIN = 0.5;

export const relayBpfSuite: Suite = {
  name: 'relay-bpf',
  summary:
    '2,000 PCMU streams over veth, forwarded inside the kernel: CPU a packet; beside our sockets and rtpengine',
  run: (options) => {
    const path = findProgram('rtpengine');
    if (path === null)
      options.say('rtpengine is not installed: ours alone (Debian: rtpengine-daemon)');
    return runRelayBpfSuite({ ...(options.quick ? QUICK : FULL), rtpengine: path }, options);
  },
};

/** One program's run, or the way without any. */
export interface VethRun extends LoadRun {
  /** CPU of load tool, kernel threads and program, for each packet that arrived. */
  readonly cpuNsPerPacket: number;
  /** Of the packets that arrived, those that the kernel forwarded for the program. */
  readonly kernelShare: number;
}

interface Round {
  readonly straight: VethRun;
  readonly kernel: VethRun;
  readonly sockets: VethRun;
  readonly theirs: VethRun | null;
}

const runsOf = ({ straight, kernel, sockets, theirs }: Round): readonly VethRun[] => [
  straight,
  kernel,
  sockets,
  ...(theirs === null ? [] : [theirs]),
];

/** The suite in any size. */
export async function runRelayBpfSuite(
  settings: RelayBpfSettings,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  buildLoadTool();
  const cores = chooseCores();
  const reason =
    process.getuid?.() === 0 ? coresReason(cores) : 'network namespaces and bpf(2) need root';
  if (reason !== null) return invalidReport(reason, []);
  moveTo(cores.load);
  const net = new VethNet();
  try {
    const { rounds, invalidReason } = await collectRounds(settings, net, cores, say);
    if (rounds.length < settings.rounds)
      return invalidReport(
        `${rounds.length} of ${settings.rounds} rounds were valid; last: ${invalidReason ?? 'none'}`,
        rounds,
      );
    return {
      suite: 'relay-bpf',
      valid: true,
      machine: factsOf(rounds),
      results: resultsOf(rounds),
    };
  } finally {
    net.close();
  }
}

async function collectRounds(
  settings: RelayBpfSettings,
  net: VethNet,
  cores: Cores,
  say: (line: string) => void,
): Promise<{ readonly rounds: readonly Round[]; readonly invalidReason: string | null }> {
  const { place } = net;
  const kernelPeer = trunkyardPeer({ name: 'kernel', place, kernelPath: true });
  const socketsPeer = trunkyardPeer({ name: 'sockets', place, kernelPath: false });
  const peer = settings.rtpengine === null ? null : rtpengine(settings.rtpengine, place);
  const run = async (program: MediaPeer | null): Promise<VethRun> => {
    const done = await runVeth(program, settings, net, cores);
    say(`${(program?.name ?? 'straight').padEnd(9)}: ${runText(done)}`);
    return done;
  };
  const rounds: Round[] = [];
  let invalidReason: string | null = null;
  for (let tried = 0; tried < settings.roundsMax && rounds.length < settings.rounds; tried += 1) {
    // The order changes, so that none always comes after the same one.
    const theirsFirst = tried % 2 === 1 && peer !== null ? await run(peer) : null;
    const straight = await run(null);
    const kernel = await run(kernelPeer);
    const sockets = await run(socketsPeer);
    const theirs = theirsFirst ?? (peer === null ? null : await run(peer));
    const round = { straight, kernel, sockets, theirs };
    const invalid = runsOf(round).find((one) => one.invalidReason !== null);
    if (invalid !== undefined) invalidReason = invalid.invalidReason;
    else if (kernel.kernelShare < KERNEL_SHARE_MIN)
      invalidReason = `the kernel forwarded only ${percent(kernel.kernelShare)} of the packets`;
    else rounds.push(round);
  }
  return { rounds, invalidReason };
}

/** A program's run from its start to its end; null: the load on the straight way. */
export async function runVeth(
  peer: MediaPeer | null,
  size: RelaySize,
  net: VethNet,
  cores: Cores,
): Promise<VethRun> {
  const ends = callEnds(size.calls, peer === null ? net.straight : net.relayed);
  const program = peer === null ? null : await peer.start({ cores, calls: size.calls });
  try {
    const ports = program === null ? directPorts(ends) : await program.openCalls(ends);
    const helpers = softirqPids();
    const { run, costNs } = await runWatched(
      planText(ends, ports, size.times),
      cores,
      (toolPid) => [toolPid, ...helpers, ...(program === null ? [] : [program.pid])],
    );
    const received = Math.max(1, run.load.received);
    // The program counts from its start, the tool from the end of the warm-up on.
    const { warmupMs, measureMs } = size.times;
    const inAll = (received * (warmupMs + measureMs)) / measureMs;
    return {
      ...run,
      cpuNsPerPacket: costNs / received,
      kernelShare: (program?.packetsInKernel?.() ?? 0) / inAll,
    };
  } finally {
    await program?.close();
  }
}

function resultsOf(rounds: readonly Round[]): readonly BenchResult[] {
  const costs = rounds.map(({ straight, kernel, sockets, theirs }) => ({
    kernel: kernel.cpuNsPerPacket - straight.cpuNsPerPacket,
    sockets: sockets.cpuNsPerPacket - straight.cpuNsPerPacket,
    theirs: theirs === null ? null : theirs.cpuNsPerPacket - straight.cpuNsPerPacket,
  }));
  const result = (name: string, ours: (cost: (typeof costs)[number]) => number): BenchResult => {
    const base = { name, unit: 'ns', value: median(costs.map(ours)) };
    const both = costs.flatMap((cost) =>
      cost.theirs === null ? [] : [{ ours: ours(cost), theirs: cost.theirs }],
    );
    if (both.length < costs.length) return base;
    const ratios = both.map((one) => one.ours / one.theirs);
    return {
      ...base,
      peer: 'rtpengine',
      peerValue: median(both.map(({ theirs }) => theirs)),
      ratio: median(ratios),
      ratioInterval: medianInterval(ratios),
    };
  };
  return [
    result('relay-bpf.cpu_ns_per_packet', ({ kernel }) => kernel),
    result('relay-bpf.sockets_cpu_ns_per_packet', ({ sockets }) => sockets),
    {
      name: 'relay-bpf.straight_cpu_ns_per_packet',
      unit: 'ns',
      value: median(rounds.map(({ straight }) => straight.cpuNsPerPacket)),
    },
  ];
}

function factsOf(rounds: readonly Round[]): SuiteReport['machine'] {
  return machineFacts(rounds.flatMap(runsOf).map(({ disturbance }) => disturbance));
}

function invalidReport(invalidReason: string, rounds: readonly Round[]): SuiteReport {
  return {
    suite: 'relay-bpf',
    valid: false,
    invalidReason,
    machine: factsOf(rounds),
    results: [],
  };
}

function runText({
  cpuNsPerPacket,
  kernelShare,
  load,
  disturbance,
  invalidReason,
}: VethRun): string {
  const shares = `tool ${percent(load.ownCpu)}, steal ${percent(disturbance.stealShare)}, others ${percent(disturbance.foreignShare)}`;
  const verdict = invalidReason === null ? '' : `; INVALID: ${invalidReason}`;
  return `${(cpuNsPerPacket / 1000).toFixed(2)} us CPU a packet in all, ${percent(kernelShare)} by the kernel, ${load.received} of ${load.sent} arrived, ${shares}${verdict}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
