// Runs the native load tool (bench/native): makes its plan, tells when it begins and ends to count, reads its result.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Cores } from '../machine/cores.ts';
import { firstOnCore } from '../machine/cores.ts';
import type {
  CallEnds,
  CallMedia,
  CallPorts,
  EndMedia,
  MediaPoint,
  Spoken,
} from '../peers/media-program.ts';
import { PAYLOAD_TYPES, RELAYED } from '../peers/media-program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOAD_SIDE: LoadSide = { host: '127.0.0.20' };
const FIRST_PORT = 10_000;
/** Sockets a side. Streams share them, so that the tool reads batches and costs little; a stream is told by its payload. */
const SOCKETS_A_SIDE = 4;

/** Quantiles in microseconds. */
export interface DelayQuantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What the tool prints; counts are of packets sent in the measured time. */
export interface LoadResult {
  readonly planned: number;
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  readonly misdelivered: number;
  readonly gaps: number;
  readonly rtcpSent: number;
  readonly rtcpReceived: number;
  readonly ownDrops: number;
  /** Sent to received by the kernel at the far end. */
  readonly delayUs: DelayQuantiles;
  /** How late the tool itself was. */
  readonly latenessUs: DelayQuantiles;
  readonly measuredS: number;
  /** Share of a CPU that the tool used. */
  readonly ownCpu: number;
  /** Why this run says more about the tool than about the program under test; null when it doesn't. */
  readonly invalidReason: string | null;
}

export interface LoadTimes {
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Between two packets of a stream; 20 when left out. */
  readonly intervalMs?: number;
}

/** Compiles the tool when it isn't there or its sources changed (CMake and ninja). */
export function buildLoadTool(): void {
  buildTools([]);
}

/** Where the payloads of calls that are transcoded lie. */
const PAYLOAD_FOLDER = join(ROOT, 'build/bench/said');

/** Also writes what the ends of transcoded calls say; takes libopus with it, some seconds of compiling. */
export function buildPayloads(): void {
  buildTools(['all', 'payloads']);
  mkdirSync(PAYLOAD_FOLDER, { recursive: true });
  execFileSync(join(ROOT, 'build/bench/payloads'), [PAYLOAD_FOLDER]);
}

/** Compiles programs of bench/native, those named or all of the usual ones, where sources changed. */
export function buildTools(targets: readonly string[]): void {
  const run = (program: string, ...args: readonly string[]): void => {
    execFileSync(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  };
  run('cmake', '-S', 'bench/native', '-B', 'build/bench', '-G', 'Ninja');
  run('ninja', '-C', 'build/bench', '-j', '2', ...targets);
}

/** Where the ends of one side are. */
export type LoadSide = Omit<MediaPoint, 'port'>;

/** The ends of the calls: side A's sockets and side B's, used in turn. */
export function callEnds(
  calls: number,
  sides: { readonly a: LoadSide; readonly b: LoadSide } = { a: LOAD_SIDE, b: LOAD_SIDE },
): readonly CallEnds[] {
  const point = (side: LoadSide, index: number): MediaPoint => ({
    ...side,
    port: FIRST_PORT + 2 * index,
  });
  return Array.from({ length: calls }, (_, call) => ({
    a: point(sides.a, call % SOCKETS_A_SIDE),
    b: point(sides.b, SOCKETS_A_SIDE + (call % SOCKETS_A_SIDE)),
  }));
}

/** The ports that make the load tool send to itself: what the tool and the kernel alone take. */
export function directPorts(ends: readonly CallEnds[]): readonly CallPorts[] {
  return ends.map(({ a, b }) => ({ forA: b, forB: a }));
}

/** The tool's plan: for each call a stream from A to B and one back. */
export function planText(
  ends: readonly CallEnds[],
  ports: readonly CallPorts[],
  { warmupMs, measureMs, intervalMs = 20 }: LoadTimes,
  media: CallMedia = RELAYED,
): string {
  const locals = [
    ...new Set([...ends.map(({ a }) => a), ...ends.map(({ b }) => b)].map(localLine)),
  ];
  const indexOf = new Map(locals.map((line, index) => [line, index]));
  const isStamped = media === RELAYED;
  const stream = (from: MediaPoint, to: MediaPoint, target: MediaPoint): string =>
    `stream ${indexOf.get(localLine(from)) ?? 0} ${indexOf.get(localLine(to)) ?? 0} ${target.host} ${target.port}`;
  // What B hears comes from where B sends to, and the other way about.
  const said = (says: EndMedia, index: number, { host, port }: MediaPoint): string =>
    isStamped
      ? ''
      : ` source ${host} ${port}${media.a.codec === media.b.codec ? '' : ` payload ${index}`}${says.key === null ? '' : ` key ${says.key.toString('hex')}`}`;
  const lines = [
    `warmup_ms ${warmupMs}`,
    `measure_ms ${measureMs}`,
    `interval_ms ${intervalMs}`,
    // A report that isn't SRTP is no report where there are keys.
    ...(isStamped ? [] : ['rtcp_interval_ms 0']),
    ...locals,
    ...(media.a.codec === media.b.codec
      ? []
      : [payloadsLine(media.a.codec), payloadsLine(media.b.codec)]),
    ...ends.flatMap(({ a, b }, call) => {
      const port = ports[call];
      if (port === undefined) throw new Error(`call ${call} has no ports`);
      return [
        stream(a, b, port.forA) + said(media.a, 0, port.forB),
        stream(b, a, port.forB) + said(media.b, 1, port.forA),
      ];
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** Where participants of conferences send from and receive: a few sockets, used in turn. */
export function participantPoints(participants: number): readonly MediaPoint[] {
  return Array.from({ length: participants }, (_, index) => ({
    ...LOAD_SIDE,
    port: FIRST_PORT + 2 * (index % (2 * SOCKETS_A_SIDE)),
  }));
}

/**
 * The tool's plan for conferences: each participant sends PCMU to a port and expects what comes back from there.
 * @param talks whether a participant says something, or silence.
 */
export function roomPlanText(
  {
    points,
    ports,
    talks,
  }: {
    readonly points: readonly MediaPoint[];
    readonly ports: readonly MediaPoint[];
    readonly talks: (participant: number) => boolean;
  },
  { warmupMs, measureMs, intervalMs = 20 }: LoadTimes,
): string {
  const locals = [...new Set(points.map(localLine))];
  const indexOf = new Map(locals.map((line, index) => [line, index]));
  const lines = [
    `warmup_ms ${warmupMs}`,
    `measure_ms ${measureMs}`,
    `interval_ms ${intervalMs}`,
    ...locals,
    payloadsLine('PCMU'),
    ...points.map((point, participant) => {
      const port = ports[participant];
      if (port === undefined) throw new Error(`participant ${participant} has no port`);
      const local = indexOf.get(localLine(point)) ?? 0;
      const address = `${port.host} ${port.port}`;
      return `stream ${local} ${local} ${address} source ${address}${talks(participant) ? ' payload 0' : ''}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

const localLine = ({ host, port, network = '' }: MediaPoint): string =>
  `local ${host} ${port} ${network}`.trimEnd();

/** G.722's timestamps count 8,000 a second for historical reasons (RFC 3551 §4.5.2), those of Opus 48,000. */
function payloadsLine(codec: Spoken): string {
  const step = codec === 'opus' ? 960 : 160;
  return `payloads ${PAYLOAD_TYPES[codec]} ${step} ${join(PAYLOAD_FOLDER, codec.toLowerCase())}`;
}

/**
 * Runs the tool on the load's core.
 * @param on called at the ends of the measured time, for other measures of the same time.
 */
export async function runLoad(
  plan: string,
  cores: Cores,
  on: {
    readonly measuring: (toolPid: number) => void;
    readonly measured: (toolPid: number) => void;
  },
): Promise<LoadResult> {
  const [program, ...args] = firstOnCore(cores.load, [`${ROOT}build/bench/rtp_load`]);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  let result: LoadResult | null = null;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as { readonly event: string };
    if (told.event === 'measuring') on.measuring(child.pid ?? 0);
    else if (told.event === 'measured') on.measured(child.pid ?? 0);
    else result = told as unknown as LoadResult;
  });
  child.stdin.end(plan);
  const code = await ended;
  process.off('exit', killed);
  if (result === null) throw new Error(`rtp_load ended with ${code ?? 'a signal'} and no result`);
  return result;
}
