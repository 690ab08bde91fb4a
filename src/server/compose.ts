// The floor plan of the control process: every room made, in the order in which one stands on the other, and news carried
// between them. What is opened first is closed last.
import { dirname, join, resolve } from 'node:path';
import type { CodedError, Log, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { B2bua, B2buaInput } from '../b2bua/index.ts';
import type { Settings } from '../config/index.ts';
import { attachEngine } from '../engine/index.ts';
import type { SipCore } from '../sip/index.ts';
import type { Store, StoreHealth } from '../store/index.ts';
import { openStore } from '../store/index.ts';
import type { SipTransport } from '../transport/index.ts';
import { systemNow } from '../transport/index.ts';
import type { TrunkBook } from '../trunks/index.ts';
import { Admission, GatewayHealth } from '../trunks/index.ts';
import type { Cores } from './cores.ts';
import { joinCores } from './cores.ts';
import type { MediaPlace } from './family.ts';
import { openHttp } from './http.ts';
import { MediaLink, PULSE_EVERY_MS } from './media-link.ts';
import { Metrics } from './metrics.ts';
import { addReadings } from './readings.ts';
import { TrunkObjects } from './trunk-objects.ts';

/** `start` and `cancel` are the operator's; after `stop`, which ends the node when it is empty, there is no way back. */
export type DrainWish = 'start' | 'cancel' | 'stop';

/** Everything that runs in a control process, for those who show it and those who order it about. */
export interface Node {
  readonly b2bua: B2bua;
  readonly sip: SipCore;
  readonly health: GatewayHealth;
  readonly admission: Admission;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly objects: TrunkObjects;
  readonly media: MediaLink;
  /** The SIP sockets, which are opened last; null until then. */
  readonly transport: SipTransport | null;
  /** The book new calls use. */
  readonly book: TrunkBook;
  /** Gives the B2BUA an input at this moment. */
  command(input: B2buaInput): void;
  drain(wish: DrainWish): void;
  /** Asks the supervisor for the end of the node, by way of a drain. */
  wantStop(): void;
  /** New trunks, routes and caps for new calls; CONFIG_INVALID, and nothing changed, when they clash with the API's. */
  reload(settings: Settings): Result<void, CodedError>;
  /** Closes everything, last opened first, once the store has all facts. */
  close(): Promise<void>;
}

export interface ComposeOptions {
  readonly settings: Settings;
  readonly media: MediaPlace;
  readonly log: Log;
  readonly addonPath: string | null;
  /** The media process of this region lives but takes no orders. */
  readonly onMediaStuck: (region: string) => void;
  /** An operator wants the node drained and ended. */
  readonly onStopWanted: () => void;
}

/** What was opened so far, each with its end. */
type Opened = (() => Promise<void>)[];

/**
 * Opens the store, loads the API's trunks, joins the media process, and listens: HTTP first, so that its answer to
 * "ready?" is there, then SIP, so that the first call finds everything.
 * @returns STORE_UNAVAILABLE, CONFIG_INVALID, ADDRESS_IN_USE or ENGINE_LOST with nothing left open.
 */
export async function composeNode(options: ComposeOptions): Promise<Result<Node, CodedError>> {
  const opened: Opened = [];
  const close = async (): Promise<void> => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  const node = await openNode(options, { opened, close });
  if (!node.ok) await close();
  return node;
}

async function openNode(
  { settings, log, ...options }: ComposeOptions,
  { opened, close }: { readonly opened: Opened; readonly close: () => Promise<void> },
): Promise<Result<Node, CodedError>> {
  // News from rooms that are opened before the cores; until the cores stand there is nobody to hear it.
  let command: (input: B2buaInput) => void = () => undefined;

  const store = await openStoreOf(settings, log, ({ available }) => {
    // The store may say so from inside a commit, whose later outputs come first.
    queueMicrotask(() => command({ kind: 'storeHealth', available }));
  });
  if (!store.ok) return store;
  opened.push(() => store.value.close());

  const admission = new Admission(settings.limits, []);
  const health = new GatewayHealth();
  const loaded = await TrunkObjects.load({
    store: store.value,
    settings,
    log,
    onBook: (book, limits) => {
      const { mono } = systemNow();
      admission.update(mono, limits, book.trunks);
      const gateways = book.trunks.flatMap((trunk) => trunk.gateways.map(({ id }) => id));
      health.handle(mono, { kind: 'configured', gateways });
      command({ kind: 'reload', book });
    },
  });
  if (!loaded.ok) return loaded;
  const objects = loaded.value;

  const metrics = new Metrics();
  const media = new MediaLink({
    attach: (place, onEvents) => attachEngine({ ...place, addonPath: options.addonPath }, onEvents),
    log,
    onEvent: (event) => command({ kind: 'engine', event }),
    onReady: (ready) => command({ kind: 'engineReady', ready }),
    onStuck: options.onMediaStuck,
  });
  const pulse = setInterval(() => media.feelPulse(), PULSE_EVERY_MS);
  opened.push(() => {
    clearInterval(pulse);
    return media.close();
  });

  const rooms = { settings, log, admission, health, store: store.value, media, metrics, objects };
  const cores = joinCores({
    ...rooms,
    book: objects.book,
    isKnownSource: (host) => objects.book.bySource(host) !== null,
    isGatewayHost: (host) => objects.book.isGatewayHost(host),
  });
  opened.push(() => cores.close());
  command = (input) => cores.command(input);
  command({ kind: 'storeHealth', available: store.value.health.available });
  const attached = media.attach(options.media);
  if (!attached.ok) return attached;

  const node = nodeOf(rooms, cores, { close, wantStop: options.onStopWanted });
  addReadings(node);
  const http = await openHttp(node, settings.listen, log);
  if (!http.ok) return http;
  opened.push(() => http.value.close());
  const listening = await cores.listen();
  if (listening.ok) return ok(node);
  const { code, message } = listening.error;
  return err({ code, message: `listen.sip: ${message}` });
}

type Rooms = Pick<Node, 'admission' | 'health' | 'store' | 'metrics' | 'objects' | 'media'>;

function nodeOf(rooms: Rooms, cores: Cores, ends: Pick<Node, 'close' | 'wantStop'>): Node {
  const { objects } = rooms;
  let stopping = false;
  return {
    ...rooms,
    b2bua: cores.b2bua,
    sip: cores.sip,
    get transport() {
      return cores.transport;
    },
    get book() {
      return objects.book;
    },
    command: (input) => cores.command(input),
    drain: (wish) => {
      if (wish === 'stop') stopping = true;
      cores.command({ kind: 'drain', on: stopping || wish === 'start' });
    },
    reload: (next) => objects.reload(next),
    ...ends,
  };
}

/** The journal lives beside the database file. */
function openStoreOf(
  { store: { url } }: Settings,
  log: Log,
  onHealth: (health: StoreHealth) => void,
): Promise<Result<Store, CodedError>> {
  return openStore({
    url,
    journalDir: join(dirname(resolve(url.replace(/^sqlite:/, ''))), 'journal'),
    log,
    now: systemNow,
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    onHealth,
  });
}
