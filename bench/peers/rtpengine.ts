// rtpengine (Debian's rtpengine-daemon) in user space with one media thread, driven by its ng protocol over UDP: the peer
// of our relay. One request at a time: setting calls up is not what is measured.
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Program } from '../../test/support/child.ts';
import { startProgram } from '../../test/support/child.ts';
import { until } from '../../test/support/loopback.ts';
import { onCore } from '../machine/cores.ts';
import type { Bencoded } from './bencode.ts';
import { decodeBencode, encodeBencode } from './bencode.ts';
import type {
  CallEnds,
  CallMedia,
  CallPorts,
  EndMedia,
  MediaPeer,
  MediaPoint,
  MediaProgram,
  RelayPlace,
} from './media-program.ts';
import { inNetwork, PAYLOAD_TYPES, RELAYED } from './media-program.ts';

const HOST = '127.0.0.22';
const NG_PORT = 2223;
const PORTS = { min: 10_000, max: 59_999 };
const ANSWER_LIMIT_MS = 5_000;
/** Names of its interfaces towards the A ends and the B ends, where it has two. */
const SIDES = ['left', 'right'];

/**
 * The rtpengine at a path as a peer.
 * @param place null: at its own loopback address.
 */
export function rtpengine(path: string, place: RelayPlace | null = null): MediaPeer {
  return {
    name: 'rtpengine',
    start: async ({ cores }) => {
      const command = onCore(cores.program, [path, ...daemonArguments(place)]);
      const [program = '', ...args] = inNetwork(place?.network ?? null, command);
      const daemon = startProgram(program, args);
      const client = await NgClient.open(place?.control ?? HOST);
      try {
        await until(async () => (await client.ask({ command: 'ping' }))['result'] === 'pong', {
          what: 'rtpengine answers',
          limitMs: 20_000,
        });
      } catch (error) {
        client.close();
        await daemon.stop({ graceMs: 2_000 });
        throw new Error(`rtpengine did not start; it printed:\n${daemon.output()}`, {
          cause: error,
        });
      }
      return new RtpengineProgram(daemon, client, place !== null);
    },
  };
}

function daemonArguments(place: RelayPlace | null): readonly string[] {
  const interfaces =
    place === null ? [HOST] : [`${SIDES[0]}/${place.forA}`, `${SIDES[1]}/${place.forB}`];
  return [
    '--foreground',
    '--log-stderr',
    '--log-level=3',
    '--table=-1',
    '--num-threads=1',
    '--endpoint-learning=immediate',
    ...interfaces.map((name) => `--interface=${name}`),
    `--listen-ng=${place?.control ?? HOST}:${NG_PORT}`,
    `--port-min=${PORTS.min}`,
    `--port-max=${PORTS.max}`,
  ];
}

interface Command extends Readonly<Record<string, Bencoded>> {
  readonly command: string;
}

class RtpengineProgram implements MediaProgram {
  readonly #daemon: Program;
  readonly #client: NgClient;
  /** Opened so far: each needs a name of its own. */
  #calls = 0;
  readonly #hasSides: boolean;

  constructor(daemon: Program, client: NgClient, hasSides: boolean) {
    this.#daemon = daemon;
    this.#client = client;
    this.#hasSides = hasSides;
  }

  get pid(): number {
    return this.#daemon.pid;
  }

  async openCalls(
    ends: readonly CallEnds[],
    media: CallMedia = RELAYED,
  ): Promise<readonly CallPorts[]> {
    const ports: CallPorts[] = [];
    // Towards B only what B is to say: rtpengine then transcodes, or encrypts, by itself.
    const towardsB = {
      'transport-protocol': media.b.key === null ? 'RTP/AVP' : 'RTP/SAVP',
      ...(media.a.codec === media.b.codec
        ? {}
        : { codec: { mask: [media.a.codec], transcode: [media.b.codec] } }),
    };
    for (const { a, b } of ends) {
      this.#calls += 1;
      const call = { 'call-id': `bench-${this.#calls}`, 'from-tag': 'a' };
      const direction = this.#hasSides ? { direction: SIDES } : {};
      const offer = { ...call, ...direction, ...towardsB, command: 'offer' };
      const answer = { ...call, command: 'answer', 'to-tag': 'b' };
      const offered = await this.#exchange(offer, sdpOf(a, media.a));
      // Of the suites that rtpengine offers B takes one, and names it by its tag (RFC 4568 §5.1.2).
      const answered = await this.#exchange(answer, sdpOf(b, media.b, tagOf(offered)));
      // The rewritten offer goes to B and tells it where to send; the rewritten answer goes to A.
      ports.push({ forA: pointOf(answered), forB: pointOf(offered) });
    }
    return ports;
  }

  relayTimes(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#daemon.stop({ graceMs: 10_000 });
  }

  /** @returns the SDP as rtpengine rewrote it. */
  async #exchange(command: Command, sdp: string): Promise<string> {
    const reply = await this.#client.ask({
      ...command,
      ICE: 'remove',
      replace: ['origin', 'session-connection'],
      sdp,
    });
    if (reply['result'] !== 'ok' || typeof reply['sdp'] !== 'string')
      throw new Error(`rtpengine refused ${command.command}: ${JSON.stringify(reply)}`);
    return reply['sdp'];
  }
}

const RTPMAPS = {
  PCMU: 'PCMU/8000',
  PCMA: 'PCMA/8000',
  G722: 'G722/8000',
  opus: 'opus/48000/2',
} as const;

const SUITE = 'AES_CM_128_HMAC_SHA1_80';

/** The tag of the one suite that the ends of this bench have; 1 in an SDP that offers none. */
function tagOf(sdp: string): number {
  return Number(new RegExp(`^a=crypto:(\\d+) ${SUITE} `, 'm').exec(sdp)?.[1] ?? 1);
}

function sdpOf({ host, port }: MediaPoint, { codec, key }: EndMedia, tag = 1): string {
  const type = PAYLOAD_TYPES[codec];
  const lines = [
    'v=0',
    `o=- 1 1 IN IP4 ${host}`,
    's=-',
    `c=IN IP4 ${host}`,
    't=0 0',
    `m=audio ${port} ${key === null ? 'RTP/AVP' : 'RTP/SAVP'} ${type}`,
    `a=rtpmap:${type} ${RTPMAPS[codec]}`,
    ...(key === null ? [] : [`a=crypto:${tag} ${SUITE} inline:${key.toString('base64')}`]),
    'a=sendrecv',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function pointOf(sdp: string): MediaPoint {
  const host = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1];
  const port = /^m=audio (\d+) /m.exec(sdp)?.[1];
  if (host === undefined || port === undefined)
    throw new Error(`rtpengine's SDP names no address:\n${sdp}`);
  return { host, port: Number(port) };
}

type Reply = Readonly<Record<string, Bencoded>>;

/** Requests by UDP, each with a cookie that its answer repeats. */
class NgClient {
  readonly #socket: Socket;
  #cookie = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // Until the daemon listens, the kernel says so; the request then simply has no answer.
    socket.on('error', () => undefined);
  }

  static async open(host: string): Promise<NgClient> {
    const socket = createSocket('udp4');
    socket.connect(NG_PORT, host);
    await once(socket, 'connect');
    return new NgClient(socket);
  }

  /** Asks and waits for the answer, once more each second in case a datagram was lost. */
  async ask(request: Readonly<Record<string, Bencoded>>): Promise<Reply> {
    this.#cookie += 1;
    const cookie = `${process.pid}_${this.#cookie}`;
    const datagram = `${cookie} ${encodeBencode(request)}`;
    return new Promise((resolve, reject) => {
      const again = setInterval(() => this.#socket.send(datagram), 1_000);
      const end = (): void => {
        clearInterval(again);
        clearTimeout(limit);
        this.#socket.off('message', onMessage);
      };
      const limit = setTimeout(() => {
        end();
        reject(new Error(`rtpengine did not answer within ${ANSWER_LIMIT_MS} ms`));
      }, ANSWER_LIMIT_MS);
      const onMessage = (message: Buffer): void => {
        const prefix = `${cookie} `;
        if (message.toString('latin1', 0, prefix.length) !== prefix) return;
        end();
        const reply = decodeBencode(message.subarray(prefix.length));
        if (typeof reply !== 'object' || Array.isArray(reply))
          reject(new Error('rtpengine answered something else than a dictionary'));
        else resolve(reply as Reply);
      };
      this.#socket.on('message', onMessage);
      this.#socket.send(datagram);
    });
  }

  close(): void {
    this.#socket.close();
  }
}
