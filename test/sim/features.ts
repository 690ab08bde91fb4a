// Which features a seed switches on. Each is drawn by itself, so that rare combinations occur; a feature that is off leaves the
// world simpler, which finds what only shows when nothing else happens.
import type { Random, TransportKind } from '../../src/base/index.ts';
import type {
  CodecName,
  DtmfMode,
  SrtpPolicy,
  Switch,
  TranscodePolicy,
  TrunkSettings,
} from '../../src/config/index.ts';
import type { CodecName as PartyCodec } from '../../src/sip/index.ts';
import type { MediaTraits, Secrecy } from './media.ts';
import { PLAIN_OLD } from './media.ts';
import type { NetworkPlan } from './network.ts';

/** A trunk's settings of audio, and the party behind it. */
export interface SideFeatures {
  readonly trunk: Pick<
    TrunkSettings,
    | 'codecs'
    | 'transcode'
    | 'srtp'
    | 'dtmf'
    | 'comfortNoise'
    | 'redundancy'
    | 'ptimeMs'
    | 'jitterBuffer'
  >;
  readonly party: MediaTraits;
}

export interface Features {
  readonly network: NetworkPlan;
  readonly cancels: boolean;
  readonly changes: boolean;
  readonly lateOffers: boolean;
  readonly refusals: boolean;
  readonly earlyMedia: boolean;
  readonly silentCallees: boolean;
  readonly deadFirstGateway: boolean;
  readonly busyFirstGateway: boolean;
  /** Gateways say 100 at once, before a challenge or refusal too. */
  readonly tryingGateways: boolean;
  /** Early media comes from another fork than the answer, and says otherwise. */
  readonly forkingGateways: boolean;
  /** Callers give a Reason when they cancel. */
  readonly cancelReasons: boolean;
  /** When the media process goes on living but says nothing, until it is replaced; null: never. */
  readonly engineSilence: { readonly atMs: number; readonly forMs: number } | null;
  readonly engineCapacity: number;
  readonly platformHangsUp: boolean;
  /** The caller's trunk wants digest credentials. */
  readonly digestCaller: boolean;
  /** Gateways ask for credentials, inside dialogs too. */
  readonly challengingGateways: boolean;
  /** What the platform and its gateways speak. */
  readonly gatewayTransport: TransportKind;
  /** When the media process dies, and for how long there is none; null: never. */
  readonly engineLoss: { readonly atMs: number; readonly forMs: number } | null;
  /** When the drain begins, and how long until its stragglers are hung up; null: never. */
  readonly drain: { readonly atMs: number; readonly limitMs: number } | null;
  readonly mediaTimeouts: boolean;
  readonly storeOutage: { readonly atMs: number; readonly forMs: number } | null;
  /** Parties say digits: by INFO, and by events that the engine hears. */
  readonly digits: boolean;
  readonly caller: SideFeatures;
  readonly callee: SideFeatures;
}

const PLAIN_SIDE: SideFeatures = {
  trunk: {
    codecs: ['opus', 'G722', 'PCMA', 'PCMU', 'telephone-event'],
    transcode: 'when_needed',
    srtp: 'off',
    dtmf: 'auto',
    comfortNoise: 'off',
    redundancy: 'off',
    ptimeMs: 20,
    jitterBuffer: 'medium',
  },
  party: PLAIN_OLD,
};

/** Draws the features of a seed. */
export function drawFeatures(random: Random): Features {
  const on = (share: number): boolean => random.draw() < share;
  const between = (low: number, high: number): number =>
    Math.round(low + random.draw() * (high - low));
  const lossy = on(0.5);
  return {
    network: {
      loss: lossy ? random.draw() * 0.3 : 0,
      duplicate: on(0.3) ? random.draw() * 0.3 : 0,
      delayMsMin: 1,
      delayMsMax: on(0.5) ? 1 + random.draw() * 300 : 2,
    },
    cancels: on(0.5),
    changes: on(0.5),
    lateOffers: on(0.4),
    refusals: on(0.4),
    earlyMedia: on(0.4),
    silentCallees: on(0.25),
    deadFirstGateway: on(0.2),
    busyFirstGateway: on(0.2),
    tryingGateways: on(0.5),
    forkingGateways: on(0.3),
    cancelReasons: on(0.5),
    engineSilence: on(0.1) ? { atMs: between(0, 9_000), forMs: between(2_500, 6_000) } : null,
    engineCapacity: on(0.15) ? 6 : 100_000,
    platformHangsUp: on(0.2),
    digestCaller: on(0.2),
    challengingGateways: on(0.2),
    gatewayTransport: on(0.25) ? 'tcp' : 'udp',
    engineLoss: on(0.15) ? { atMs: between(0, 9_000), forMs: between(1, 4_000) } : null,
    drain: on(0.15) ? { atMs: between(0, 6_000), limitMs: between(0, 20_000) } : null,
    mediaTimeouts: on(0.15),
    storeOutage: on(0.1) ? { atMs: between(0, 3_000), forMs: between(1, 2_000) } : null,
    digits: on(0.4),
    caller: on(0.6) ? drawSide(random) : PLAIN_SIDE,
    callee: on(0.6) ? drawSide(random) : PLAIN_SIDE,
  };
}

const CODEC_LISTS: readonly (readonly CodecName[])[] = [
  ['PCMU', 'telephone-event'],
  ['PCMA', 'PCMU'],
  ['G722', 'PCMA', 'telephone-event'],
  ['opus', 'telephone-event'],
  ['opus', 'G722', 'PCMU', 'telephone-event'],
  ['PCMA'],
];
/** What parties have beside their codecs; redundancy is of PCMU. */
const BESIDE_LISTS: readonly (readonly PartyCodec[])[] = [[], [], ['CN'], ['red'], ['CN', 'red']];
/** Which parties are found behind which trunks. */
const SECRECY: Readonly<Record<SrtpPolicy, readonly Secrecy[]>> = {
  off: ['never', 'never', 'never', 'can', 'always'],
  optional: ['never', 'can', 'always'],
  required: ['can', 'always', 'always', 'never'],
};

function drawSide(random: Random): SideFeatures {
  const one = <T>(list: readonly T[], otherwise: T): T =>
    list[Math.floor(random.draw() * list.length)] ?? otherwise;
  const srtp = one<SrtpPolicy>(['off', 'optional', 'required'], 'off');
  const { trunk, party } = PLAIN_SIDE;
  return {
    trunk: {
      codecs: random.draw() < 0.5 ? trunk.codecs : one(CODEC_LISTS, trunk.codecs),
      transcode: one<TranscodePolicy>(['always', 'when_needed', 'never'], trunk.transcode),
      srtp,
      dtmf: one<DtmfMode>(['auto', 'rfc4733', 'info', 'inband'], trunk.dtmf),
      comfortNoise: one<Switch>(['off', 'on'], trunk.comfortNoise),
      redundancy: one<Switch>(['off', 'on'], trunk.redundancy),
      ptimeMs: one([10, 20, 30, 60], trunk.ptimeMs),
      jitterBuffer: one(['off', 'small', 'medium', 'large'], trunk.jitterBuffer),
    },
    party: {
      codecs: withBeside(
        one<readonly PartyCodec[]>(CODEC_LISTS, party.codecs),
        one(BESIDE_LISTS, []),
      ),
      secrecy: one(SECRECY[srtp], party.secrecy),
    },
  };
}

function withBeside(
  codecs: readonly PartyCodec[],
  beside: readonly PartyCodec[],
): readonly PartyCodec[] {
  return [...codecs, ...beside.filter((name) => name !== 'red' || codecs.includes('PCMU'))];
}

function settingsOf({ trunk }: SideFeatures): string {
  const { codecs, transcode, srtp, dtmf, ptimeMs, jitterBuffer } = trunk;
  const beside = `comfort_noise: ${trunk.comfortNoise}, redundancy: ${trunk.redundancy}`;
  return `codecs: [${codecs.join(', ')}], transcode: ${transcode}, srtp: ${srtp}, dtmf: ${dtmf}, ptime_ms: ${ptimeMs}, jitter_buffer: ${jitterBuffer}, ${beside}`;
}

/** The platform's configuration in a world with these features. */
export function configOf(features: Features): string {
  const auth = features.digestCaller ? 'auth: { username: alice, password: alice-pass }, ' : '';
  const credentials = features.challengingGateways
    ? '    credentials: { username: platform, password: platform-pass }\n'
    : '';
  const transport =
    features.gatewayTransport === 'udp' ? '' : `;transport=${features.gatewayTransport}`;
  return `
listen: { sip: ["udp://10.0.0.2:5060", "tcp://10.0.0.2:5060"], http: null }
media: { addresses: [{ bind: 10.0.0.2, ports: 20000-59999 }], inactivity_s: 60 }
store: { url: "sqlite:./sim.db" }
limits: { calls: 1000, cps: 1000 }
trunks:
  - { name: in, allow: [10.0.0.1/32], ${auth}gateways: [], cps: 1000, channels: 1000, max_duration_s: 120, ${settingsOf(features.caller)} }
  - name: out
    allow: [10.0.0.3/32, 10.0.0.4/32]
    gateways:
      - { uri: "sip:10.0.0.3:5060${transport}", priority: 1, weight: 1 }
      - { uri: "sip:10.0.0.4:5060${transport}", priority: 2, weight: 1 }
${credentials}    ${settingsOf(features.callee).replaceAll(/, (?=[a-z_]+:)/g, '\n    ')}
    cps: 1000
    channels: 1000
    gateway_timeout_s: 3
    ring_timeout_s: 20
routes:
  - { prefix: "44", trunks: [out] }
`;
}
