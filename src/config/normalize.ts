// From what the file says to what the rooms read: texts taken apart, units put into names, derived values worked out.
// Everything here was checked by the reader, so a form that fails now is a broken promise of ours.
import type { HostPort } from '../base/index.ts';
import * as forms from './forms.ts';
import type { RawRoute, RawSettings, RawTrunk } from './schema.ts';
import type {
  AuthSettings,
  LimitSettings,
  MediaSettings,
  RouteSettings,
  RouteTarget,
  Settings,
  SipListenSettings,
  TrunkSettings,
} from './settings.ts';

/** What a handle's slot number can count (contract.json, handle.slotBits). */
export const ENDPOINTS_A_THREAD_MAX = 16_384;
/** Endpoints above two a call: a failover opens the next before the last one's close is answered. */
const ENDPOINTS_SPARE = 64;

export function normalize(raw: RawSettings): Settings {
  return {
    listen: {
      sip: raw.listen.sip.map(sipListen),
      http: raw.listen.http === null ? null : must(forms.HTTP_LISTEN_FORM, raw.listen.http),
      httpHosts: raw.listen.http_hosts.map((name) => must(forms.HOST_NAME_FORM, name)),
      realm: raw.listen.realm,
    },
    media: normalizeMedia(raw),
    store: { url: raw.store.url },
    bus: { url: must(forms.BUS_URL_FORM, raw.bus.url) },
    limits: normalizeLimits(raw),
    trunks: raw.trunks.map(normalizeTrunk),
    routes: raw.routes.map(normalizeRoute),
    log: { level: raw.log.level },
  };
}

export function sipListen(entry: RawSettings['listen']['sip'][number]): SipListenSettings {
  const { bind: url, advertise } =
    typeof entry === 'string' ? { bind: entry, advertise: null } : entry;
  const { transport, bind } = must(forms.SIP_LISTEN_FORM, url);
  return { transport, bind, advertise: advertise === null ? bind : advertised(advertise, bind) };
}

function advertised(text: string, bind: HostPort): HostPort {
  const { host, port } = must(forms.ADVERTISE_FORM, text);
  return { host, port: port === 0 ? bind.port : port };
}

function defaultEndpoints(calls: number, threads: number): number {
  return Math.min(calls * 2 + ENDPOINTS_SPARE, threads * ENDPOINTS_A_THREAD_MAX);
}

function normalizeMedia({ media, limits }: RawSettings): MediaSettings {
  return {
    addresses: media.addresses.map(({ bind, advertise, ports }) => ({
      bind: must(forms.OWN_IP_FORM, bind),
      advertise: must(forms.OWN_IP_FORM, advertise ?? bind),
      ...must(forms.PORT_RANGE_FORM, ports),
    })),
    threads: media.threads,
    endpoints: media.endpoints ?? defaultEndpoints(limits.calls, media.threads),
    folder: media.folder,
    inactivityS: media.inactivity_s,
    inactivityHoldS: media.inactivity_hold_s,
    conferenceParticipants: media.conference_participants,
    kernelPath: media.kernel_path,
  };
}

function normalizeLimits({ limits }: RawSettings): LimitSettings {
  return {
    calls: limits.calls,
    cps: limits.cps,
    drainS: limits.drain_s,
    transactions: limits.transactions,
    connections: limits.connections,
    connectionsPerSource: limits.connections_per_source,
    connectionIdleS: limits.connection_idle_s,
  };
}

export function normalizeTrunk(raw: RawTrunk): TrunkSettings {
  return {
    name: raw.name,
    allow: raw.allow.map((block) => must(forms.CIDR_FORM, block)),
    auth: raw.auth === null ? null : normalizeAuth(raw.auth),
    gateways: raw.gateways.map(({ uri, priority, weight }) => ({
      uri,
      ...must(forms.GATEWAY_URI_FORM, uri),
      priority,
      weight,
    })),
    credentials: raw.credentials,
    cps: raw.cps,
    channels: raw.channels,
    codecs: raw.codecs,
    transcode: raw.transcode,
    srtp: raw.srtp,
    ptimeMs: raw.ptime_ms,
    jitterBuffer: raw.jitter_buffer,
    dtmf: raw.dtmf,
    comfortNoise: raw.comfort_noise,
    redundancy: raw.redundancy,
    opusBitrateBps: raw.opus_bitrate_bps,
    opusComplexity: raw.opus_complexity,
    maxDurationS: raw.max_duration_s,
    media: raw.media,
    failoverCodes: raw.failover_codes,
    gatewayTimeoutS: raw.gateway_timeout_s,
    ringTimeoutS: raw.ring_timeout_s,
  };
}

function normalizeAuth(raw: NonNullable<RawTrunk['auth']>): AuthSettings {
  const { username, password, ha1_md5: md5, ha1_sha256: sha256 } = raw;
  if (password !== undefined) return { kind: 'password', username, password };
  return {
    kind: 'ha1',
    username,
    ha1Md5: md5?.toLowerCase() ?? null,
    ha1Sha256: sha256?.toLowerCase() ?? null,
  };
}

export function normalizeRoute(raw: RawRoute): RouteSettings {
  return {
    match:
      raw.number === undefined
        ? { kind: 'prefix', prefix: must(forms.PREFIX_FORM, raw.prefix ?? '') }
        : { kind: 'exact', number: raw.number },
    strip: raw.strip,
    add: raw.add,
    target: routeTarget(raw),
  };
}

function routeTarget({ trunks, destination }: RawRoute): RouteTarget {
  return destination === undefined
    ? { kind: 'trunks', trunks: trunks ?? [] }
    : { kind: 'destination', destination };
}

function must<T>(form: forms.Form<T>, text: string): T {
  const read = form.read(text);
  if (!read.ok) throw new Error(`checked before, yet it ${read.problem}`);
  return read.value;
}
