// The SIP core and the B2BUA with all that drives them: what they read, where their outputs go, the timer, the sockets.
import { randomBytes } from 'node:crypto';
import type { CodedError, Log, Result } from '../base/index.ts';
import type { B2buaInput } from '../b2bua/index.ts';
import { B2bua } from '../b2bua/index.ts';
import type { Settings } from '../config/index.ts';
import { DigestServer, SipCore } from '../sip/index.ts';
import type { Store } from '../store/index.ts';
import type { SipTransport } from '../transport/index.ts';
import { createTicker, openSipTransport, systemNow } from '../transport/index.ts';
import type { Admission, GatewayHealth, TrunkBook } from '../trunks/index.ts';
import { secureRandom } from './chance.ts';
import { logGateway } from './gateway-watch.ts';
import type { MediaLink } from './media-link.ts';
import type { Metrics } from './metrics.ts';
import { Signalling } from './signalling.ts';
import { transportLimits } from './transport-limits.ts';

/** How long a challenge may be answered. */
const NONCE_LIFETIME_MS = 300_000;
const NONCE_SECRET_BYTES = 32;

/** What the cores stand on. */
export interface CoreParts {
  readonly settings: Settings;
  /** The book to begin with. */
  readonly book: TrunkBook;
  /** Whether a trunk of the book in use has this address. */
  readonly isKnownSource: (host: string) => boolean;
  readonly isGatewayHost: (host: string) => boolean;
  readonly admission: Admission;
  readonly health: GatewayHealth;
  readonly store: Store;
  readonly media: MediaLink;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The cores at work. */
export interface Cores {
  readonly b2bua: B2bua;
  readonly sip: SipCore;
  /** Gives the B2BUA an input at this moment. Never from inside a carrier: outputs would overtake each other. */
  command(input: B2buaInput): void;
  /** Opens the SIP sockets: from now on calls come in. ADDRESS_IN_USE. */
  listen(): Promise<Result<SipTransport, CodedError>>;
  /** The sockets; null until `listen` succeeded. */
  readonly transport: SipTransport | null;
  /** Closes the sockets and stops the timer. */
  close(): Promise<void>;
}

/** Makes the cores. Until `listen` nothing but commands reaches them. */
export function joinCores(parts: CoreParts): Cores {
  const { settings, health, metrics, log } = parts;
  const random = secureRandom();
  const locals = settings.listen.sip;
  const b2bua = new B2bua(b2buaSettings(parts, random), health);
  const limits = { transactionsMax: settings.limits.transactions };
  const sip = new SipCore({ random, locals, limits });
  let transport: SipTransport | null = null;
  const signalling = new Signalling({
    sip,
    b2bua,
    health,
    carriers: {
      send: (to, bytes, txn) => transport?.send(to, bytes, txn),
      engine: (orders) => parts.media.submit(orders),
      commit: (events) => {
        metrics.facts(events);
        return parts.store.append(events);
      },
      rejected: (code, trunk) => metrics.rejected(code, trunk),
      refused: ({ remote }, { code, message }, answered) => {
        metrics.refused(code);
        log.debug({ source: remote.host, code, answered, problem: message }, 'message refused');
      },
      gateway: (news) => logGateway(log, news),
    },
  });
  const ticker = createTicker(() => {
    signalling.tick(systemNow());
    return signalling.nextDeadline;
  });
  const feed = (input: Parameters<Signalling['sip']>[1]): void => {
    signalling.sip(systemNow(), input);
    ticker.arm(signalling.nextDeadline);
  };
  return {
    b2bua,
    sip,
    command: (input) => {
      signalling.command(systemNow(), input);
      ticker.arm(signalling.nextDeadline);
    },
    listen: async () => {
      const opened = await openSipTransport({
        locals,
        limits: transportLimits(settings),
        log,
        isKnownSource: parts.isKnownSource,
        isGatewayHost: parts.isGatewayHost,
        onMessage: (flow, bytes) => feed({ kind: 'received', flow, bytes }),
        // A stream that lost its framing gets the answer its last head deserves, then closes.
        onBroken: (flow, error, head) => {
          metrics.refused(error.code);
          if (head !== null) feed({ kind: 'received', flow, bytes: head });
        },
        onSendFailed: (txn) => feed({ kind: 'sendFailed', txn }),
      });
      if (opened.ok) transport = opened.value;
      return opened;
    },
    get transport() {
      return transport;
    },
    close: async () => {
      ticker.close();
      await transport?.close();
    },
  };
}

function b2buaSettings(
  { settings, book, admission }: CoreParts,
  random: ReturnType<typeof secureRandom>,
): ConstructorParameters<typeof B2bua>[0] {
  const { listen, media } = settings;
  const secret = randomBytes(NONCE_SECRET_BYTES);
  return {
    random,
    locals: listen.sip,
    mediaAddresses: media.addresses,
    inactivityMs: media.inactivityS * 1000,
    inactivityHoldMs: media.inactivityHoldS * 1000,
    book,
    admission,
    digest: new DigestServer({ realm: listen.realm, secret, nonceLifetimeMs: NONCE_LIFETIME_MS }),
    realm: listen.realm,
    product: null,
  };
}
