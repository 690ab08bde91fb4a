// Trunks and routes in the words of the configuration file again: what the API shows and the store keeps.
import type { RouteSettings, TrunkSettings } from '../config/index.ts';

/** An object of the file's shape. */
export type ObjectBody = Readonly<Record<string, unknown>>;

/** A trunk with every default filled in; `validateTrunk` makes the same settings of it. */
export function trunkBody(trunk: TrunkSettings): ObjectBody {
  return {
    name: trunk.name,
    allow: trunk.allow,
    auth: trunk.auth === null ? null : authBody(trunk.auth),
    gateways: trunk.gateways.map(({ uri, priority, weight }) => ({ uri, priority, weight })),
    credentials: trunk.credentials,
    cps: trunk.cps,
    channels: trunk.channels,
    codecs: trunk.codecs,
    transcode: trunk.transcode,
    srtp: trunk.srtp,
    ptime_ms: trunk.ptimeMs,
    jitter_buffer: trunk.jitterBuffer,
    dtmf: trunk.dtmf,
    comfort_noise: trunk.comfortNoise,
    redundancy: trunk.redundancy,
    opus_bitrate_bps: trunk.opusBitrateBps,
    opus_complexity: trunk.opusComplexity,
    max_duration_s: trunk.maxDurationS,
    media: trunk.media,
    failover_codes: trunk.failoverCodes,
    gateway_timeout_s: trunk.gatewayTimeoutS,
    ring_timeout_s: trunk.ringTimeoutS,
  };
}

function authBody(auth: NonNullable<TrunkSettings['auth']>): ObjectBody {
  if (auth.kind === 'password') return { username: auth.username, password: auth.password };
  return {
    username: auth.username,
    ...(auth.ha1Md5 === null ? {} : { ha1_md5: auth.ha1Md5 }),
    ...(auth.ha1Sha256 === null ? {} : { ha1_sha256: auth.ha1Sha256 }),
  };
}

/** A route with every default filled in; `validateRoute` makes the same settings of it. */
export function routeBody({ match, strip, add, target }: RouteSettings): ObjectBody {
  return {
    ...(match.kind === 'exact' ? { number: match.number } : { prefix: match.prefix }),
    strip,
    add,
    ...(target.kind === 'trunks' ? { trunks: target.trunks } : { destination: target.destination }),
  };
}
