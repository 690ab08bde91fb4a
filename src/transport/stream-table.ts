// All stream connections of one kind: listening points, connections peers opened and those we opened, within limits.
import net from 'node:net';
import {
  err,
  ok,
  sourceKey,
  type ClientTxnId,
  type CodedError,
  type Flow,
  type HostPort,
  type LocalPoint,
  type Result,
} from '../base/index.ts';
import { listenError } from './listen-error.ts';
import { StreamConnection, type StreamContext } from './stream-connection.ts';
import type { Tally } from './tally.ts';
import type { RefusedReason, TransportLimits } from './types.ts';
import { withPort } from './udp.ts';

const SWEEP_MS_MAX = 1_000;
const SWEEP_MS_MIN = 10;
const BACKLOG = 1_024;
/** One in so many connections is kept from strangers: 64 addresses that just stay connected must not shut out the trunks. */
const RESERVE_DIVISOR = 8;

export interface StreamTableContext extends Pick<
  StreamContext,
  'onMessage' | 'onSendFailed' | 'onBroken'
> {
  readonly limits: TransportLimits;
  readonly tally: Tally;
  isKnownSource(host: string): boolean;
  nextFlowId(): number;
  onFlowClosed(flow: Flow): void;
  onRefused(reason: RefusedReason, remote: HostPort): void;
}

/** TCP listeners and connections. Whoever made it calls `close`. */
export class StreamTable {
  readonly #context: StreamTableContext;
  readonly #servers: net.Server[] = [];
  readonly #locals: LocalPoint[] = [];
  readonly #connections = new Map<number, StreamConnection>();
  /** Connections of ours by `host port`, usable for further messages to the same place. */
  readonly #outbound = new Map<string, StreamConnection>();
  /** Peers' connections by `host port` of their end: the only way to a peer whose port nobody listens on. */
  readonly #inboundFrom = new Map<string, StreamConnection>();
  /** By sourceKey. */
  readonly #perSource = new Map<string, number>();
  readonly #sweep: NodeJS.Timeout;
  #inbound = 0;
  #strangers = 0;
  #onEmpty: (() => void) | null = null;

  constructor(context: StreamTableContext) {
    this.#context = context;
    this.#sweep = setInterval(() => this.#expire(), sweepMs(context.limits));
  }

  get inbound(): number {
    return this.#inbound;
  }

  get outbound(): number {
    return this.#connections.size - this.#inbound;
  }

  /** Opens a listening point. @returns it with the port bound, or ADDRESS_IN_USE. */
  listen(local: LocalPoint): Promise<Result<LocalPoint, CodedError>> {
    const { host, port } = local.bind;
    const server = net.createServer({ noDelay: true }, (socket) => this.#accepted(socket));
    return new Promise((resolve) => {
      const failed = (error: Error): void => resolve(err(listenError(local, error)));
      server.once('error', failed);
      const ipv6Only = net.isIPv6(host);
      server.listen({ host, port, exclusive: true, ipv6Only, backlog: BACKLOG }, () => {
        server.off('error', failed);
        // After this only accept() can fail (out of descriptors): that one connection is lost, not the listener.
        server.on('error', () => undefined);
        const address = server.address();
        const bound = withPort(
          local,
          typeof address === 'object' && address !== null ? address.port : port,
        );
        this.#servers.push(server);
        this.#locals.push(bound);
        resolve(ok(bound));
      });
    });
  }

  /** Sends on an existing connection; one that is gone is a failed send. */
  sendOn(flowId: number, bytes: Buffer, txn: ClientTxnId | null): void {
    const connection = this.#connections.get(flowId);
    if (connection === undefined) this.#failed(txn);
    else connection.send(bytes, txn);
  }

  /**
   * Sends to an address: on our connection there, or the peer's own from there, or a new one. A peer behind NAT has no other
   * address than its connection's far end, and nothing can be dialled there. Only the very same port counts: which ports belong
   * to one peer a certificate could say (RFC 5923), an address can't. `host` is an IP literal.
   */
  sendTo(host: string, port: number, bytes: Buffer, txn: ClientTxnId | null): void {
    const key = keyOf({ host, port });
    const known = [this.#outbound.get(key), this.#inboundFrom.get(key)];
    const connection = known.find((open) => open?.usable === true) ?? this.#connect({ host, port });
    if (connection === null) this.#failed(txn);
    else connection.send(bytes, txn);
  }

  /** Stops listening and lets every connection say goodbye. */
  async close(): Promise<void> {
    const stopped = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const connection of this.#connections.values()) connection.farewell();
    await this.#emptied();
    clearInterval(this.#sweep);
    await Promise.all(stopped);
  }

  /** Resolves when the last connection is gone; the sweep cuts those that outstay their farewell. */
  #emptied(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#connections.size === 0) resolve();
      else this.#onEmpty = resolve;
    });
  }

  #accepted(socket: net.Socket): void {
    const { remoteAddress: host, remotePort: port } = socket;
    // A peer that reset before accept() returned has no address any more.
    if (host === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    const source = sourceKey(host);
    const isStranger = !this.#context.isKnownSource(host);
    const refusal = this.#refusalOf(source, isStranger);
    if (refusal !== null) {
      socket.on('error', () => undefined);
      // A reset leaves no TIME-WAIT behind: refusing must cost less than asking.
      socket.resetAndDestroy();
      this.#context.tally.refused[refusal] += 1;
      this.#context.onRefused(refusal, { host, port });
      return;
    }
    const share = isStranger ? 1 : 0;
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    this.#inbound += 1;
    this.#strangers += share;
    const key = keyOf({ host, port });
    const connection = this.#adopt(socket, { host, port }, (gone) => {
      // With two listening points a peer may come from one port twice: the later stays.
      if (this.#inboundFrom.get(key) === gone) this.#inboundFrom.delete(key);
      this.#inbound -= 1;
      this.#strangers -= share;
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left > 0) this.#perSource.set(source, left);
      else this.#perSource.delete(source);
    });
    this.#inboundFrom.set(key, connection);
  }

  #refusalOf(source: string, isStranger: boolean): RefusedReason | null {
    const { connectionsMax, connectionsPerSourceMax } = this.#context.limits;
    if ((this.#perSource.get(source) ?? 0) >= connectionsPerSourceMax)
      return 'connectionsPerSourceMax';
    const strangersMax = connectionsMax - Math.floor(connectionsMax / RESERVE_DIVISOR);
    const isFull =
      this.#inbound >= connectionsMax || (isStranger && this.#strangers >= strangersMax);
    return isFull ? 'connectionsMax' : null;
  }

  #connect(remote: HostPort): StreamConnection | null {
    if (remote.port < 1 || remote.port > 65_535) return null;
    if (this.outbound >= this.#context.limits.connectionsMax && !this.#makeRoom()) return null;
    const { host, port } = remote;
    // From our listening address, or a peer that knows us by address would see a stranger.
    const family = net.isIP(host);
    const local = this.#locals.find(({ bind }) => net.isIP(bind.host) === family);
    if (local === undefined) return null;
    const wildcard = local.bind.host === '0.0.0.0' || local.bind.host === '::';
    const socket = net.connect({
      host,
      port,
      family,
      ...(wildcard ? {} : { localAddress: local.bind.host }),
    });
    const key = keyOf(remote);
    const connection = this.#adopt(socket, remote, (gone) => {
      if (this.#outbound.get(key) === gone) this.#outbound.delete(key);
    });
    this.#outbound.set(key, connection);
    return connection;
  }

  /**
   * Closes the connection of ours on which nothing was heard for longest. Where a call's requests go its parties say: one that
   * names another port in each call would otherwise have all connections before long, and no gateway could be reached.
   * @returns false when the other end of each was heard just now, or may be still.
   */
  #makeRoom(): boolean {
    let silent: StreamConnection | null = null;
    for (const open of this.#outbound.values()) {
      if (open.usable && (silent === null || open.heardAt < silent.heardAt)) silent = open;
    }
    const silentMs = silent === null ? 0 : performance.now() - silent.heardAt;
    if (silent === null || silentMs < this.#context.limits.connectTimeoutMs) return false;
    silent.giveWay();
    return true;
  }

  #adopt(
    socket: net.Socket,
    remote: HostPort,
    release: (connection: StreamConnection) => void,
  ): StreamConnection {
    const context = this.#context;
    const { limits, tally } = context;
    const flow: Flow = { id: context.nextFlowId(), transport: 'tcp', remote };
    const connection = new StreamConnection(socket, {
      flow,
      limits,
      tally,
      onMessage: (from, bytes) => context.onMessage(from, bytes),
      onSendFailed: (txn) => context.onSendFailed(txn),
      onBroken: (from, error, head) => context.onBroken(from, error, head),
      onRefused: (reason) => context.onRefused(reason, remote),
      onClosed: (gone) => {
        this.#connections.delete(flow.id);
        release(gone);
        context.onFlowClosed(flow);
        if (this.#connections.size === 0) this.#onEmpty?.();
      },
    });
    this.#connections.set(flow.id, connection);
    return connection;
  }

  #failed(txn: ClientTxnId | null): void {
    this.#context.tally.sendFailures += 1;
    if (txn !== null) process.nextTick(() => this.#context.onSendFailed(txn));
  }

  #expire(): void {
    const now = performance.now();
    for (const connection of this.#connections.values()) connection.expire(now);
  }
}

/** The far end of a connection as a key. */
function keyOf({ host, port }: HostPort): string {
  return `${host} ${port}`;
}

/** Fine enough that no deadline is missed by more than a quarter. */
function sweepMs(limits: TransportLimits): number {
  const { connectTimeoutMs, messageTimeoutMs, idleTimeoutMs, writeTimeoutMs, answerTimeoutMs } =
    limits;
  const least = Math.min(
    connectTimeoutMs,
    messageTimeoutMs,
    idleTimeoutMs,
    writeTimeoutMs,
    answerTimeoutMs,
  );
  const quarter = least / 4;
  return Math.min(SWEEP_MS_MAX, Math.max(SWEEP_MS_MIN, quarter));
}
