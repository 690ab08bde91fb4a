// Our own media process as the product runs it (dist/server/media-main.js), commanded by this process as the control
// process would: strict source rule, statistics and RTCP on.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ConferenceHandle, EndpointHandle } from '../../src/base/index.ts';
import { orderId } from '../../src/base/index.ts';
import type {
  EngineClient,
  EngineEvent,
  EngineOrder,
  HostConfig,
  PayloadConversion,
  RelayTimes,
  SrtpSecret,
} from '../../src/engine/index.ts';
import { attachEngine } from '../../src/engine/index.ts';
import { openRunDir, REGION_CHANCE_BYTES } from '../../src/server/run-dir.ts';
import type { Cores } from '../machine/cores.ts';
import { onCore } from '../machine/cores.ts';
import type {
  CallEnds,
  CallMedia,
  CallPorts,
  EndMedia,
  MediaPeer,
  MediaPoint,
  MediaProgram,
  OpusEffort,
  RelayPlace,
  Spoken,
} from './media-program.ts';
import { inNetwork, PAYLOAD_TYPES, RELAYED } from './media-program.ts';

const HOST = '127.0.0.21';
const PORTS = { min: 10_000, max: 59_999 };
/** Orders given before waiting for their answers; well below the order ring. */
const ORDERS_AT_ONCE = 512;
const INACTIVITY_MS = 60_000;
const MEDIA_MAIN = fileURLToPath(new URL('../../dist/server/media-main.js', import.meta.url));
/** The most a media thread takes. */
const ENDPOINTS_MAX = 16_384;

type WithoutNumber<T> = T extends { readonly order: unknown } ? Omit<T, 'order'> : never;
type Answer = Extract<EngineEvent, { readonly order: unknown }>;

/** The media process as a program that relays, by its sockets, at an address of its own. */
export const trunkyardMedia: MediaPeer = trunkyardPeer({
  name: 'trunkyard',
  place: null,
  kernelPath: false,
});

/** The media process in a place, its streams forwarded inside the kernel or not. */
export function trunkyardPeer(options: {
  readonly name: string;
  readonly place: RelayPlace | null;
  readonly kernelPath: boolean;
}): MediaPeer {
  return { name: options.name, start: (given) => startMedia({ ...options, ...given }) };
}

/** The media process as a host of conferences. */
export interface ConferenceProgram extends MediaProgram {
  /**
   * Opens conferences of so many each, all talking, and brings everybody in.
   * @param points where participants send from and receive.
   * @returns where each of them sends to and hears from.
   */
  openRooms(points: readonly MediaPoint[], roomSize: number): Promise<readonly MediaPoint[]>;
}

/** Starts it at its loopback address, with room for so many. */
export function startConferences({
  cores,
  participants,
}: {
  readonly cores: Cores;
  readonly participants: number;
}): Promise<ConferenceProgram> {
  return startMedia({ place: null, kernelPath: false, cores, calls: Math.ceil(participants / 2) });
}

async function startMedia({
  place,
  kernelPath,
  cores,
  calls,
}: {
  readonly place: RelayPlace | null;
  readonly kernelPath: boolean;
  readonly cores: Cores;
  readonly calls: number;
}): Promise<TrunkyardMedia> {
  // As the supervisor has it: it sweeps up behind those that were killed, and the next one behind this.
  const hosts: readonly [string, string] = place === null ? [HOST, HOST] : [place.forA, place.forB];
  const folder = await openRunDir();
  const runDir = folder.path;
  const region = `trunkyard-${randomBytes(REGION_CHANCE_BYTES).toString('hex')}`;
  const command = onCore(cores.program, [process.execPath, MEDIA_MAIN]);
  const [program = '', ...args] = inNetwork(place?.network ?? null, command);
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      process.off('exit', killed);
      folder.close();
      resolve();
    });
  });
  const host: HostConfig = {
    region,
    runDir,
    threads: 1,
    // Taken at start in any case; some to spare as the product takes.
    endpointsMax: Math.min(ENDPOINTS_MAX, 2 * calls + 64),
    addresses: [...new Set(hosts)].map((bind) => ({
      bind,
      portMin: PORTS.min,
      portMax: PORTS.max,
    })),
    kernelPath,
  };
  await startedHost(child, host);
  return TrunkyardMedia.attach(child, ended, { region, runDir, hosts });
}

function startedHost(child: ChildProcess, host: HostConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`the media process ended with ${code ?? 'a signal'}`)),
    );
    child.once('message', (message: { readonly kind?: unknown; readonly message?: unknown }) => {
      if (message.kind === 'ready') resolve();
      else reject(new Error(`the media process did not start: ${String(message.message)}`));
    });
    child.send({ kind: 'start', host });
  });
}

class TrunkyardMedia implements ConferenceProgram {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  /** Towards the A ends, and towards the B ends. */
  readonly #hosts: readonly [string, string];
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #client: EngineClient | null = null;
  #orders = 0;

  private constructor(child: ChildProcess, ended: Promise<void>, hosts: readonly [string, string]) {
    this.#child = child;
    this.#ended = ended;
    this.#hosts = hosts;
  }

  static attach(
    child: ChildProcess,
    ended: Promise<void>,
    place: {
      readonly region: string;
      readonly runDir: string;
      readonly hosts: readonly [string, string];
    },
  ): TrunkyardMedia {
    const media = new TrunkyardMedia(child, ended, place.hosts);
    const attached = attachEngine(place, (events) => media.#onEvents(events));
    if (!attached.ok) {
      child.kill('SIGKILL');
      throw new Error(attached.error.message);
    }
    media.#client = attached.value;
    return media;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async openCalls(
    ends: readonly CallEnds[],
    media: CallMedia = RELAYED,
  ): Promise<readonly CallPorts[]> {
    const answers = await this.#order(
      ends.flatMap((_, call) => [
        { kind: 'openEndpoint', affinity: call, addressIndex: 0 } as const,
        {
          kind: 'openEndpoint',
          affinity: call,
          addressIndex: this.#hosts[0] === this.#hosts[1] ? 0 : 1,
        } as const,
      ]),
    );
    const opened = answers.map((answer) => {
      if (answer.kind !== 'endpointOpened') throw new Error(`unexpected answer ${answer.kind}`);
      return answer;
    });
    const calls = ends.map(({ a, b }, call) => {
      const legA = opened[2 * call];
      const legB = opened[2 * call + 1];
      if (legA === undefined || legB === undefined) throw new Error('an answer is missing');
      return { a, b, legA, legB };
    });
    await this.#order(
      calls.flatMap(({ a, b, legA, legB }) => [
        ...legOrders(legA.endpoint, { point: a, media: media.a, other: media.b }),
        ...legOrders(legB.endpoint, { point: b, media: media.b, other: media.a }),
        linkOf(legA.endpoint, legB.endpoint, { from: media.a.codec, to: media.b.codec }),
        linkOf(legB.endpoint, legA.endpoint, { from: media.b.codec, to: media.a.codec }),
      ]),
    );
    return calls.map(({ legA, legB }) => ({
      forA: { host: this.#hosts[0], port: legA.rtpPort },
      forB: { host: this.#hosts[1], port: legB.rtpPort },
    }));
  }

  async openRooms(points: readonly MediaPoint[], roomSize: number): Promise<readonly MediaPoint[]> {
    const rooms = await this.#order(
      Array.from({ length: Math.ceil(points.length / roomSize) }, () => ({
        kind: 'openConference' as const,
        affinity: 0,
        capacity: roomSize,
        rateKhz: 8 as const,
        partOf: null,
      })),
    );
    const legs = await this.#order(
      points.map(() => ({ kind: 'openEndpoint' as const, affinity: 0, addressIndex: 0 })),
    );
    const participants = points.map((point, index) => {
      const room = rooms[Math.floor(index / roomSize)];
      const leg = legs[index];
      if (room?.kind !== 'conferenceOpened' || leg?.kind !== 'endpointOpened')
        throw new Error('an answer is missing');
      return { point, leg, conference: room.conference };
    });
    await this.#order(
      participants.flatMap(({ point, leg: { endpoint }, conference }) => [
        updateOf(endpoint, point, SPOKEN_PCMU),
        audioOf(endpoint, SPOKEN_PCMU),
        participantOf(endpoint, conference),
      ]),
    );
    return participants.map(({ leg: { rtpPort } }) => ({ host: this.#hosts[0], port: rtpPort }));
  }

  packetsInKernel(): number {
    return this.#client?.nodeCounters().packetsInKernel ?? 0;
  }

  relayTimes(): RelayTimes | null {
    return this.#client?.relayTimes() ?? null;
  }

  async close(): Promise<void> {
    await this.#client?.close();
    if (this.#child.connected) this.#child.send({ kind: 'stop' });
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await this.#ended;
    clearTimeout(insist);
  }

  /** Gives orders and waits until all are answered well. */
  async #order(orders: readonly WithoutNumber<EngineOrder>[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (let from = 0; from < orders.length; from += ORDERS_AT_ONCE) {
      const batch = orders.slice(from, from + ORDERS_AT_ONCE).map((order): EngineOrder => {
        this.#orders += 1;
        return { ...order, order: orderId(this.#orders) };
      });
      const answered = batch.map(
        ({ order }) => new Promise<Answer>((resolve) => this.#waiting.set(order, resolve)),
      );
      if (this.#client?.submit(batch) !== true)
        throw new Error('the media process takes no orders');
      answers.push(...(await Promise.all(answered)));
    }
    const refused = answers.find(({ code }) => code !== 'OK');
    if (refused !== undefined) throw new Error(`the media process answered ${refused.code}`);
    return answers;
  }

  #onEvents(events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (!('order' in event)) continue;
      this.#waiting.get(event.order)?.(event);
      this.#waiting.delete(event.order);
    }
  }
}

interface LegMedia {
  readonly point: MediaPoint;
  readonly media: EndMedia;
  readonly other: EndMedia;
}

/** Everything about a leg but its link, as the B2BUA says it. */
function legOrders(
  endpoint: EndpointHandle,
  { point, media, other }: LegMedia,
): readonly WithoutNumber<EngineOrder>[] {
  const orders: WithoutNumber<EngineOrder>[] = [updateOf(endpoint, point, media)];
  if (media.key !== null) orders.push(keysOf(endpoint, media.key));
  if (wayBetween(media.codec, other.codec) === 'decoded') orders.push(audioOf(endpoint, media));
  return orders;
}

function updateOf(
  endpoint: EndpointHandle,
  end: MediaPoint,
  { codec }: EndMedia,
): WithoutNumber<EngineOrder> {
  return {
    kind: 'updateEndpoint',
    endpoint,
    remoteRtp: end,
    remoteRtcp: { host: end.host, port: end.port + 1 },
    rtcpMux: false,
    sourceRule: 'strict',
    inactivityMs: INACTIVITY_MS,
    clockRates: [[PAYLOAD_TYPES[codec], codec === 'opus' ? 48_000 : 8_000]],
  };
}

const KEY_BYTES = 16;
/** Ours, of whom nobody in this bench is to understand anything. */
const OWN_KEY = Buffer.alloc(30, 0x5a);

function keysOf(endpoint: EndpointHandle, key: Buffer): WithoutNumber<EngineOrder> {
  const secretOf = (bytes: Buffer): SrtpSecret => ({
    key: bytes.subarray(0, KEY_BYTES),
    salt: bytes.subarray(KEY_BYTES),
    mki: new Uint8Array(0),
  });
  const keys = { send: secretOf(OWN_KEY), receive: secretOf(key) };
  return { kind: 'setKeys', endpoint, suite: 'aesCm128Tag80', keys };
}

const SPOKEN_PCMU: EndMedia = { codec: 'PCMU', key: null };
const KINDS = { PCMU: 'pcmu', PCMA: 'pcma', G722: 'g722', opus: 'opus' } as const;
const RATES_KHZ = { PCMU: 8, PCMA: 8, G722: 16 } as const;
/** What the B2BUA chooses towards a narrowband peer. */
const OPUS_USUAL: OpusEffort = { rateKhz: 8, complexity: 5 };

function audioOf(
  endpoint: EndpointHandle,
  { codec, opus = OPUS_USUAL }: EndMedia,
): WithoutNumber<EngineOrder> {
  const payloadType = PAYLOAD_TYPES[codec];
  const kind = KINDS[codec];
  const rateKhz = codec === 'opus' ? opus.rateKhz : RATES_KHZ[codec];
  return {
    kind: 'setAudio',
    endpoint,
    receive: [{ payloadType, kind, rateKhz }],
    send: {
      payloadType,
      kind,
      rateKhz,
      packetMs: 20,
      event: null,
      comfortPayloadType: null,
      redundancyPayloadType: null,
      opus: {
        bitrateBps: 0,
        playbackRateHz: 48_000,
        complexity: opus.complexity,
        lossPercent: 0,
        fec: false,
        dtx: false,
        cbr: false,
      },
    },
    bufferSize: 'medium',
    detectTones: false,
    muteDigits: false,
  };
}

function participantOf(
  endpoint: EndpointHandle,
  conference: ConferenceHandle,
): WithoutNumber<EngineOrder> {
  return {
    kind: 'setParticipant',
    endpoint,
    conference,
    role: { kind: 'talk' },
    gainDb: 0,
    levelled: false,
    passDigits: false,
  };
}

type Way = 'forward' | 'decoded' | PayloadConversion;

/** As the B2BUA decides it: undecoded where it can be. */
function wayBetween(from: Spoken, to: Spoken): Way {
  if (from === to) return 'forward';
  if (from === 'PCMU' && to === 'PCMA') return 'pcmuToPcma';
  if (from === 'PCMA' && to === 'PCMU') return 'pcmaToPcmu';
  return 'decoded';
}

function linkOf(
  from: EndpointHandle,
  to: EndpointHandle,
  codecs: { readonly from: Spoken; readonly to: Spoken },
): WithoutNumber<EngineOrder> {
  const way = wayBetween(codecs.from, codecs.to);
  const type = PAYLOAD_TYPES[codecs.from];
  if (way === 'decoded')
    return { kind: 'openLink', from, to, payloadMap: [], mode: 'decoded', conversions: [] };
  return {
    kind: 'openLink',
    from,
    to,
    payloadMap: [[type, PAYLOAD_TYPES[codecs.to]]],
    mode: 'forward',
    conversions: way === 'forward' ? [] : [[type, way]],
  };
}
