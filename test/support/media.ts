// The media engine for end-to-end tests: hosts here or in a process of their own, a client that remembers what it
// heard, and parties that send and receive RTP by an implementation other than ours.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RtpHeader, RtpPacket } from 'werift-rtp';
import { orderId } from '../../src/base/index.ts';
import type { EndpointHandle } from '../../src/base/index.ts';
import { attachEngine } from '../../src/engine/index.ts';
import type { EngineClient, EngineEvent, EngineOrder, HostConfig } from '../../src/engine/index.ts';
import { WITH_KERNEL_PATH } from './kernel-path.ts';
import { until } from './loopback.ts';
import { memoryOf, sweepSharedMemory } from './shared-memory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PATIENCE_MS = 10_000;

/** An address of this test process's own, so that no other test's sockets get in the way. */
export const MEDIA_ADDRESS = `127.${130 + (process.pid % 100)}.${(process.pid >> 7) % 250}.1`;

let places = 0;

/** A region's name and a run directory that goes with the test. */
export class MediaPlace {
  readonly runDir = mkdtempSync(join(tmpdir(), 'trunkyard-media-'));
  readonly region = `trunkyard-e2e-${process.pid}-${(places += 1)}`;

  constructor() {
    sweepSharedMemory();
  }

  config(fields: Partial<HostConfig> = {}): HostConfig {
    return {
      region: this.region,
      runDir: this.runDir,
      threads: 1,
      endpointsMax: 64,
      addresses: [{ bind: MEDIA_ADDRESS, portMin: 20_000, portMax: 20_999 }],
      portRestMs: 0,
      kernelPath: WITH_KERNEL_PATH,
      ...fields,
    };
  }

  /** Also what a host that was killed has left. */
  remove(): void {
    rmSync(memoryOf(this.region), { force: true });
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

/** A host in a process of its own, ready when the promise is. */
export async function startHostProcess(config: HostConfig): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/support/media-host.ts', JSON.stringify(config)],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await until(() => output.includes('ready') || child.exitCode !== null, {
    what: 'the host process',
    limitMs: 60_000,
  });
  if (child.exitCode !== null) throw new Error(`the host process ended with ${child.exitCode}`);
  return child;
}

type OrderFields = EngineOrder extends infer Order
  ? Order extends EngineOrder
    ? Omit<Order, 'order'>
    : never
  : never;
type Answer = Extract<EngineEvent, { readonly order: unknown }>;
export type Opened = Extract<EngineEvent, { readonly kind: 'endpointOpened' }>;

/** An attached client and everything it heard, in order. */
export class TestEngine {
  readonly heard: EngineEvent[] = [];
  readonly client: EngineClient;
  #orders = 0;

  constructor(place: MediaPlace) {
    const attached = attachEngine(place, (events) => this.heard.push(...events));
    if (!attached.ok) throw new Error(attached.error.message);
    this.client = attached.value;
  }

  /** Gives one order and waits for its answer. */
  async order(fields: OrderFields): Promise<Answer> {
    const number = orderId((this.#orders += 1));
    const order = { ...fields, order: number } as EngineOrder;
    if (!this.client.submit([order])) throw new Error(`${order.kind} was not taken`);
    return this.hears((event): event is Answer => 'order' in event && event.order === number);
  }

  async open(affinity = 0): Promise<Opened> {
    const answer = await this.order({ kind: 'openEndpoint', affinity, addressIndex: 0 });
    if (answer.kind !== 'endpointOpened' || answer.code !== 'OK')
      throw new Error(`open: ${answer.code}`);
    return answer;
  }

  /** A leg of a party, with rtcp-mux and PCMU. */
  async openFor(party: Party): Promise<Opened> {
    const opened = await this.open();
    await this.point(opened.endpoint, party);
    return opened;
  }

  /** What an offer or answer of the party says. */
  point(endpoint: EndpointHandle, party: Party): Promise<Answer> {
    return this.order({
      kind: 'updateEndpoint',
      endpoint,
      remoteRtp: { host: MEDIA_ADDRESS, port: party.port },
      remoteRtcp: null,
      rtcpMux: true,
      sourceRule: 'strict',
      inactivityMs: 0,
      clockRates: [[0, 8000]],
    });
  }

  link(from: EndpointHandle, to: EndpointHandle): Promise<Answer> {
    return this.order({
      kind: 'openLink',
      from,
      to,
      payloadMap: [[0, 0]],
      mode: 'forward',
      conversions: [],
    });
  }

  hears<T extends EngineEvent>(fits: (event: EngineEvent) => event is T): Promise<T> {
    return until(() => this.heard.find(fits), {
      what: 'an event',
      limitMs: PATIENCE_MS,
      everyMs: 1,
    });
  }
}

/** One side of a conversation: sends RTP and keeps what it gets. */
export class Party {
  readonly received: Buffer[] = [];
  readonly #socket: Socket;
  #sequence = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => this.received.push(message));
    // An ICMP error of a closed port must not end the test.
    socket.on('error', () => undefined);
  }

  static async open(): Promise<Party> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, MEDIA_ADDRESS, resolve));
    return new Party(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Packets of sendRtp so far; numbered from 1. */
  get sent(): number {
    return this.#sequence;
  }

  /** 20 ms of PCMU, or as much of another payload type. */
  sendRtp(port: number, ssrc = 7, payloadType = 0): void {
    this.#sequence += 1;
    const header = new RtpHeader({
      payloadType,
      sequenceNumber: this.#sequence,
      timestamp: 160 * this.#sequence,
      ssrc,
    });
    this.send(port, new RtpPacket(header, Buffer.alloc(160, 0xd5)).serialize());
  }

  send(port: number, bytes: Buffer): void {
    this.#socket.send(bytes, port, MEDIA_ADDRESS);
  }

  /** The first datagram that fits, whenever it came. */
  gets(fits: (bytes: Buffer) => boolean, what: string): Promise<Buffer> {
    return until(() => this.received.find(fits), { what, limitMs: PATIENCE_MS, everyMs: 1 });
  }

  close(): void {
    this.#socket.close();
  }
}
