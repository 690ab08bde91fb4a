// A transport on loopback whose events can be awaited, and a raw TCP peer that does as it is told.
import net from 'node:net';
import type {
  ClientTxnId,
  CodedError,
  Flow,
  LocalPoint,
  TransportKind,
} from '../../src/base/index.ts';
import { silentLog } from '../../src/base/index.ts';
import {
  openSipTransport,
  TRANSPORT_LIMITS,
  type RefusedReason,
  type SipTransport,
  type TransportLimits,
} from '../../src/transport/index.ts';

export type Told =
  | { readonly kind: 'message'; readonly flow: Flow; readonly text: string }
  | { readonly kind: 'sendFailed'; readonly txn: ClientTxnId }
  | { readonly kind: 'broken'; readonly flow: Flow; readonly error: CodedError }
  | { readonly kind: 'flowClosed'; readonly flow: Flow }
  | { readonly kind: 'refused'; readonly reason: RefusedReason };

export interface Harness {
  readonly transport: SipTransport;
  /** The next event of a kind, now or when it comes; events of other kinds stay for their own callers. */
  next<K extends Told['kind']>(kind: K): Promise<Extract<Told, { readonly kind: K }>>;
  /** Events of a kind that nobody has taken yet. */
  waiting(kind: Told['kind']): number;
  readonly port: number;
}

export const local = (transport: TransportKind, port = 0, host = '127.0.0.1'): LocalPoint => ({
  transport,
  bind: { host, port },
  advertise: { host, port },
});

/** Limits that no test runs into unless it says so. */
export const WIDE_LIMITS: TransportLimits = {
  ...TRANSPORT_LIMITS,
  connectionsMax: 1_000,
  connectionsPerSourceMax: 1_000,
  idleTimeoutMs: 900_000,
};

export interface HarnessOptions {
  readonly locals: readonly LocalPoint[];
  isKnownSource?(host: string): boolean;
  readonly limits?: Partial<TransportLimits>;
  /** Runs inside the event, before it can be awaited. */
  onTold?(told: Told, transport: SipTransport): void;
}

/** Opens a transport; the test closes it. */
export async function openHarness(options: HarnessOptions): Promise<Harness> {
  const told: Told[] = [];
  const takers: { readonly kind: string; readonly take: (event: Told) => void }[] = [];
  let opened: SipTransport | null = null;
  const tell = (event: Told): void => {
    if (opened !== null) options.onTold?.(event, opened);
    const index = takers.findIndex(({ kind }) => kind === event.kind);
    const [taker] = index < 0 ? [] : takers.splice(index, 1);
    if (taker === undefined) told.push(event);
    else taker.take(event);
  };
  const result = await openSipTransport({
    locals: options.locals,
    limits: { ...WIDE_LIMITS, ...options.limits },
    isKnownSource: (host) => options.isKnownSource?.(host) === true,
    log: silentLog,
    onMessage: (flow, bytes) => tell({ kind: 'message', flow, text: bytes.toString('latin1') }),
    onSendFailed: (txn) => tell({ kind: 'sendFailed', txn }),
    onBroken: (flow, error) => tell({ kind: 'broken', flow, error }),
    onFlowClosed: (flow) => tell({ kind: 'flowClosed', flow }),
    onRefused: (reason) => tell({ kind: 'refused', reason }),
  });
  if (!result.ok) throw new Error(result.error.message);
  const transport = result.value;
  opened = transport;
  return {
    transport,
    port: transport.locals[0]?.bind.port ?? 0,
    waiting: (kind) => told.filter((event) => event.kind === kind).length,
    next: <K extends Told['kind']>(kind: K) =>
      new Promise<Extract<Told, { readonly kind: K }>>((resolve) => {
        const isWanted = (event: Told): event is Extract<Told, { readonly kind: K }> =>
          event.kind === kind;
        const index = told.findIndex(isWanted);
        const [known] = index < 0 ? [] : told.splice(index, 1);
        if (known !== undefined && isWanted(known)) resolve(known);
        else
          takers.push({
            kind,
            take: (event) => {
              if (isWanted(event)) resolve(event);
            },
          });
      }),
  };
}

/** A request that frames well; `extra` adds body bytes. */
export function request(callId: string, body = ''): string {
  return [
    'OPTIONS sip:a@127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx',
    'From: <sip:b@127.0.0.1>;tag=1',
    'To: <sip:a@127.0.0.1>',
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

export interface Peer {
  readonly socket: net.Socket;
  /** Everything received so far. */
  text(): string;
  /** Resolves when the received text contains `part`. */
  until(part: string): Promise<void>;
  /** Resolves when the connection is over, cleanly or not. */
  readonly closed: Promise<void>;
}

/** Connects to a transport. @param paused never reads, like a client that hung. */
export function connectPeer(port: number, options: { readonly paused: boolean }): Promise<Peer> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: false });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(asPeer(socket, options));
    });
  });
}

/** Watches a socket from the peer's side. */
export function asPeer(socket: net.Socket, { paused }: { readonly paused: boolean }): Peer {
  let text = '';
  let watcher: (() => void) | null = null;
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  if (paused) socket.pause();
  else {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      watcher?.();
    });
  }
  return {
    socket,
    closed,
    text: () => text,
    until: (part) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (text.includes(part)) resolve();
        };
        watcher = look;
        look();
      }),
  };
}
