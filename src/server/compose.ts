// The floor plan of the control process: every room made, and every output carried to where it goes.
import { randomBytes, randomFillSync } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { CodedError, LocalPoint, Random, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import { B2bua } from '../b2bua/index.ts';
import type { B2buaInput } from '../b2bua/index.ts';
import type { Settings } from '../config/index.ts';
import { DigestServer, SipCore } from '../sip/index.ts';
import type { Store } from '../store/index.ts';
import { openStore } from '../store/index.ts';
import { createTicker, openSipTransport, systemNow, TRANSPORT_LIMITS } from '../transport/index.ts';
import type { SipTransport, Ticker } from '../transport/index.ts';
import type { TrunkBook } from '../trunks/index.ts';
import { Admission, buildTrunkBook, GatewayHealth } from '../trunks/index.ts';
import type { MediaPlace } from './family.ts';
import type { ProcessLog } from './log.ts';
import { MediaLink } from './media-link.ts';
import { Metrics } from './metrics.ts';
import { Signalling } from './signalling.ts';
import { TrunkObjects } from './trunk-objects.ts';

const NONCE_LIFETIME_MS = 300_000;
const NONCE_SECRET_BYTES = 32;

/** Cryptographic chance, drawn from the kernel in blocks since a draw a time costs a system call. */
export function secureRandom(): Random {
  const block = Buffer.alloc(4096);
  let used = block.length;
  const take = (bytes: number): Buffer => {
    if (used + bytes > block.length) {
      randomFillSync(block);
      used = 0;
    }
    used += bytes;
    return block.subarray(used - bytes, used);
  };
  return {
    draw: () => take(4).readUInt32LE() / 0x1_0000_0000,
    hex: (bytes) => take(bytes).toString('hex'),
  };
}

/** Everything that runs in a control process. */
export interface Node {
  readonly b2bua: B2bua;
  readonly sip: SipCore;
  readonly health: GatewayHealth;
  readonly admission: Admission;
  readonly store: Store;
  readonly transport: SipTransport;
  readonly metrics: Metrics;
  readonly objects: TrunkObjects;
  readonly media: MediaLink;
  /** The book new calls use. */
  readonly book: () => TrunkBook;
  /** Gives the B2BUA an input at this moment. */
  command(input: B2buaInput): void;
  /** New caps and trunks; CONFIG_INVALID when they don't fit what the API made. */
  reload(settings: Settings): Result<void, CodedError>;
  close(): Promise<void>;
}

export interface ComposeOptions {
  readonly settings: Settings;
  readonly media: MediaPlace;
  readonly log: ProcessLog;
  readonly addonPath: string | null;
}

/**
 * Opens the store, joins the media process, opens the SIP sockets and connects the cores.
 * @returns STORE_UNAVAILABLE, CONFIG_INVALID, ADDRESS_IN_USE or ENGINE_LOST with nothing left open.
 */
export async function composeNode(options: ComposeOptions): Promise<Result<Node, CodedError>> {
  const { settings, log } = options;
  const opened: (() => Promise<void>)[] = [];
  const giveUp = async (error: CodedError): Promise<Result<never, CodedError>> => {
    for (const close of opened.reverse()) await close();
    return err(error);
  };
  // Messages reach the cores through this; until they are joined nothing is listened to.
  const inputs: { command: (input: B2buaInput) => void } = { command: () => undefined };

  const store = await openStore({
    url: settings.store.url,
    journalDir: journalDirOf(settings.store.url),
    log,
    now: systemNow,
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    onHealth: ({ available }) => inputs.command({ kind: 'storeHealth', available }),
  });
  if (!store.ok) return giveUp(store.error);
  opened.push(() => store.value.close());

  const empty = buildTrunkBook({ trunks: [], routes: [] });
  if (!empty.ok) return giveUp(empty.error);
  let book: TrunkBook = empty.value;
  const admission = new Admission(settings.limits, []);
  let caps = settings.limits;
  const health = new GatewayHealth();
  const useBook = (next: TrunkBook): void => {
    book = next;
    const now = systemNow();
    admission.update(now.mono, caps, next.trunks);
    const gateways = next.trunks.flatMap((trunk) => trunk.gateways.map((gateway) => gateway.id));
    health.handle(now.mono, { kind: 'configured', gateways });
    inputs.command({ kind: 'reload', book: next });
  };
  const objects = await TrunkObjects.load({ store: store.value, settings, onBook: useBook });
  if (!objects.ok) return giveUp(objects.error);

  const metrics = new Metrics();
  const media = new MediaLink({
    addonPath: options.addonPath,
    log,
    onEvent: (event) => inputs.command({ kind: 'engine', event }),
    onReady: (ready) => inputs.command({ kind: 'engineReady', ready }),
  });
  const attached = media.attach(options.media);
  if (!attached.ok) return giveUp(attached.error);
  opened.push(() => media.close());

  const parts = joinCores({ settings, book: () => book, admission, health, store: store.value, media, metrics, log });
  const transport = await parts.openTransport();
  if (!transport.ok) return giveUp(transport.error);
  inputs.command = parts.command;

  return ok({
    ...parts.cores,
    health,
    admission,
    store: store.value,
    transport: transport.value,
    metrics,
    objects: objects.value,
    media,
    book: () => book,
    command: parts.command,
    reload: (next) => {
      caps = next.limits;
      return objects.value.reload(next);
    },
    close: async () => {
      parts.ticker.close();
      await transport.value.close();
      await media.close();
      await store.value.close();
    },
  });
}

interface JoinOptions {
  readonly settings: Settings;
  readonly book: () => TrunkBook;
  readonly admission: Admission;
  readonly health: GatewayHealth;
  readonly store: Store;
  readonly media: MediaLink;
  readonly metrics: Metrics;
  readonly log: ProcessLog;
}

interface Joined {
  readonly cores: { readonly b2bua: B2bua; readonly sip: SipCore };
  readonly ticker: Ticker;
  readonly command: (input: B2buaInput) => void;
  readonly openTransport: () => Promise<Result<SipTransport, CodedError>>;
}

function joinCores({ settings, book, admission, health, store, media, metrics, log }: JoinOptions): Joined {
  const random = secureRandom();
  const locals: readonly LocalPoint[] = settings.listen.sip;
  const secret = randomBytes(NONCE_SECRET_BYTES);
  const { realm } = settings.listen;
  const b2bua = new B2bua(
    {
      random,
      locals,
      mediaAddresses: settings.media.addresses,
      inactivityMs: settings.media.inactivityS * 1000,
      inactivityHoldMs: settings.media.inactivityHoldS * 1000,
      book: book(),
      admission,
      digest: new DigestServer({ realm, secret, nonceLifetimeMs: NONCE_LIFETIME_MS }),
      realm,
      product: null,
    },
    health,
  );
  const sip = new SipCore({ random, locals, limits: { transactionsMax: settings.limits.transactions } });
  let transport: SipTransport | null = null;
  const signalling = new Signalling({
    sip,
    b2bua,
    health,
    carriers: {
      send: (to, bytes, txn) => transport?.send(to, bytes, txn),
      engine: (orders) => media.submit(orders),
      commit: (events) => {
        metrics.facts(events);
        store.append(events);
      },
      rejected: (code, trunk) => metrics.rejected(code, trunk),
      refused: (flow, error, answered) => {
        metrics.refused(error.code);
        log.debug({ source: flow.remote.host, code: error.code, answered, problem: error.message }, 'message refused');
      },
    },
  });
  const ticker = createTicker(() => {
    signalling.tick(systemNow());
    return signalling.nextDeadline;
  });
  const rearm = (): void => ticker.arm(signalling.nextDeadline);
  const openTransport = async (): Promise<Result<SipTransport, CodedError>> => {
    const result = await openSipTransport({
      locals,
      limits: {
        ...TRANSPORT_LIMITS,
        connectionsMax: settings.limits.connections,
        connectionsPerSourceMax: settings.limits.connectionsPerSource,
        idleTimeoutMs: settings.limits.connectionIdleS * 1000,
      },
      log,
      onMessage: (flow, bytes) => {
        signalling.sip(systemNow(), { kind: 'received', flow, bytes });
        rearm();
      },
      // A stream that lost its framing gets the answer its last head deserves, then closes.
      onBroken: (flow, error, head) => {
        metrics.refused(error.code);
        if (head === null) return;
        signalling.sip(systemNow(), { kind: 'received', flow, bytes: head });
        rearm();
      },
      onSendFailed: (txn) => {
        signalling.sip(systemNow(), { kind: 'sendFailed', txn });
        rearm();
      },
    });
    if (result.ok) transport = result.value;
    return result;
  };
  return {
    cores: { b2bua, sip },
    ticker,
    command: (input) => {
      signalling.command(systemNow(), input);
      rearm();
    },
    openTransport,
  };
}

/** The journal lives beside the database file. */
function journalDirOf(url: string): string {
  const path = url.replace(/^sqlite:/, '');
  return join(dirname(resolve(path)), 'journal');
}
