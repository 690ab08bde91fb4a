// One UDP listening point: a socket that is never connected, with buffers large enough for a burst of calls.
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import {
  err,
  hostPortText,
  ok,
  type ClientTxnId,
  type CodedError,
  type Flow,
  type HostPort,
  type LocalPoint,
  type Log,
  type Result,
} from '../base/index.ts';
import { listenError } from './listen-error.ts';
import type { Tally } from './tally.ts';
import type { TransportLimits } from './types.ts';

// The shortest SIP message is far longer; phones keep NAT bindings open with up to four odd bytes.
const KEEP_ALIVE_BYTES_MAX = 4;
// The kernel counts its own bookkeeping and reports twice what was asked for (socket(7)).
const KERNEL_OVERHEAD = process.platform === 'linux' ? 2 : 1;

export interface UdpContext {
  readonly id: number;
  readonly local: LocalPoint;
  readonly limits: TransportLimits;
  readonly log: Log;
  readonly tally: Tally;
  onMessage(flow: Flow, bytes: Buffer): void;
  onSendFailed(txn: ClientTxnId): void;
}

/** Owns its socket from `openUdp` to `close`. */
export class UdpPoint {
  readonly id: number;
  readonly local: LocalPoint;
  readonly ipv6: boolean;
  /** Null when the kernel granted the buffers in full. */
  readonly warning: string | null;
  readonly #socket: dgram.Socket;
  readonly #context: UdpContext;
  readonly #countFailure: (error: Error | null) => void;

  constructor(socket: dgram.Socket, context: UdpContext) {
    this.#socket = socket;
    this.#context = context;
    this.id = context.id;
    this.ipv6 = isIPv6(context.local.bind.host);
    this.local = withPort(context.local, socket.address().port);
    this.warning = this.#growBuffers();
    this.#countFailure = (error) => {
      if (error !== null) context.tally.sendFailed(error);
    };
    socket.on('message', (bytes, remote) => this.#received(bytes, remote));
    socket.on('error', (error) => {
      context.tally.socketErrors += 1;
      context.log.debug(
        { error: error.message, local: hostPortText(this.local.bind) },
        'UDP error',
      );
    });
  }

  /** `host` must be an IP literal of this point's family. */
  send(host: string, port: number, bytes: Buffer, txn: ClientTxnId | null): void {
    this.#context.tally.sent(bytes);
    const done = txn === null ? this.#countFailure : this.#tellFailure(txn);
    try {
      this.#socket.send(bytes, port, host, done);
    } catch (error) {
      // Node throws for a port out of range or a closed socket; to the caller it's a send that failed.
      const failure = error instanceof Error ? error : new Error(String(error));
      process.nextTick(done, failure);
    }
  }

  close(): Promise<void> {
    this.#socket.removeAllListeners('message');
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  #tellFailure(txn: ClientTxnId): (error: Error | null) => void {
    return (error) => {
      if (error === null) return;
      this.#context.tally.sendFailed(error);
      this.#context.onSendFailed(txn);
    };
  }

  #received(bytes: Buffer, remote: dgram.RemoteInfo): void {
    const { id, tally } = this.#context;
    if (bytes.length <= KEEP_ALIVE_BYTES_MAX) {
      tally.keepAlivesReceived += 1;
      return;
    }
    tally.received(bytes);
    const source: HostPort = { host: remote.address, port: remote.port };
    this.#context.onMessage({ id, transport: 'udp', remote: source }, bytes);
  }

  /** Measured: with the default buffers a node loses datagrams at half the call rate it can carry. */
  #growBuffers(): string | null {
    const asked = this.#context.limits.udpBufferBytes;
    try {
      this.#socket.setRecvBufferSize(asked);
      this.#socket.setSendBufferSize(asked);
    } catch {
      // Refused outright on some systems; what is granted is read next.
    }
    const receive = Math.floor(this.#socket.getRecvBufferSize() / KERNEL_OVERHEAD);
    const send = Math.floor(this.#socket.getSendBufferSize() / KERNEL_OVERHEAD);
    if (receive >= asked && send >= asked) return null;
    return (
      `udp ${hostPortText(this.local.bind)}: socket buffers are ${kib(receive)} receive and ${kib(send)} send, ` +
      `${kib(asked)} were asked for: raise net.core.rmem_max and net.core.wmem_max, or bursts of calls lose messages`
    );
  }
}

const kib = (bytes: number): string => `${Math.floor(bytes / 1024)} KiB`;

/** The point with the port the kernel gave when 0 was asked for. */
export function withPort(local: LocalPoint, port: number): LocalPoint {
  if (local.bind.port === port) return local;
  const advertised = local.advertise.port === 0 ? port : local.advertise.port;
  return {
    ...local,
    bind: { ...local.bind, port },
    advertise: { ...local.advertise, port: advertised },
  };
}

/** Binds; on failure nothing is left open. @returns the point, or ADDRESS_IN_USE naming the address. */
export function openUdp(context: UdpContext): Promise<Result<UdpPoint, CodedError>> {
  const { bind } = context.local;
  const ipv6 = isIPv6(bind.host);
  const socket = dgram.createSocket({
    type: ipv6 ? 'udp6' : 'udp4',
    reuseAddr: false,
    ipv6Only: ipv6,
    // Only IP literals are sent to, so Node's name look-up on every datagram is left out.
    lookup: (host, _options, done) => done(null, host, ipv6 ? 6 : 4),
  });
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      socket.close();
      resolve(err(listenError(context.local, error)));
    };
    socket.once('error', failed);
    socket.bind({ address: bind.host, port: bind.port, exclusive: true }, () => {
      socket.off('error', failed);
      resolve(ok(new UdpPoint(socket, context)));
    });
  });
}
