// The one table of settings: key, type, unit, range, default, and the sentence that docs/config.md prints. Nothing
// else in the project repeats a default or a range of a setting.
import type { Static, TSchema } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import * as forms from './forms.ts';

/** Keywords of ours on a leaf, beside JSON Schema's. */
export interface SettingOptions {
  readonly description: string;
  /** Unit of a number, as printed. */
  readonly unit?: string;
  /** What the text (or number) must look like beyond its type. */
  readonly form?: forms.Form<unknown>;
  /** Never printed, and may be given as `{file: path}`. */
  readonly secret?: boolean;
  /** Whether SIGHUP applies it; else it takes a restart. */
  readonly live?: boolean;
}

type IntegerOptions = SettingOptions & {
  readonly minimum: number;
  readonly maximum: number;
  readonly multipleOf?: number;
  readonly default: number;
};

const integer = (options: IntegerOptions) => Type.Integer(options);
const text = (options: SettingOptions & { readonly default?: string }) => Type.String(options);
const orNull = <T extends TSchema>(
  schema: T,
  options: SettingOptions & { readonly default?: Static<T> },
) => Type.Union([schema, Type.Null()], { default: null, ...options });
const oneOf = <const T extends string>(
  values: readonly T[],
  options: SettingOptions & { readonly default?: T },
) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      options,
    ),
  );
const section = <T extends Record<string, TSchema>>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });

const SIP_POINT = Type.Object(
  {
    bind: text({ description: 'Where it binds.', form: forms.SIP_LISTEN_FORM }),
    advertise: orNull(text({ description: '', form: forms.ADVERTISE_FORM }), {
      description: 'What peers are told in Via and Contact; the bound address when null.',
    }),
  },
  { additionalProperties: false },
);

const LISTEN = section(
  {
    sip: Type.Array(
      Type.Union([text({ description: '', form: forms.SIP_LISTEN_FORM }), SIP_POINT]),
      {
        description: 'SIP listening points, each an address or `{bind, advertise}`.',
        minItems: 1,
        maxItems: 16,
        default: ['udp://127.0.0.1:5060', 'tcp://127.0.0.1:5060'],
      },
    ),
    http: orNull(text({ description: '', form: forms.HTTP_LISTEN_FORM }), {
      description: 'The HTTP API, health and metrics; null for none.',
      default: 'http://127.0.0.1:8080',
    }),
    http_hosts: Type.Array(text({ description: '', form: forms.HOST_NAME_FORM }), {
      description:
        'Names besides localhost that requests may be addressed to where `http` is on loopback, such as the one a proxy passes on. Others are refused, so that no web page can reach the API by a name of its own.',
      maxItems: 32,
      uniqueItems: true,
      default: [],
    }),
    realm: text({
      description:
        'Digest realm of our challenges. Stored `ha1_*` hashes contain it, so changing it makes them void.',
      default: 'trunkyard',
      form: forms.QUOTABLE_FORM,
    }),
  },
  'Where the node listens.',
);

const MEDIA_ADDRESS = Type.Object(
  {
    bind: text({
      description: 'Address the RTP and RTCP sockets bind to.',
      form: forms.OWN_IP_FORM,
    }),
    advertise: orNull(text({ description: '', form: forms.OWN_IP_FORM }), {
      description:
        'Address written into SDP, for a node behind address translation; the bound one when null.',
    }),
    ports: text({
      description: 'Ports for RTP (even) and RTCP (the odd one above), first and last included.',
      default: '20000-29999',
      form: forms.PORT_RANGE_FORM,
    }),
  },
  { additionalProperties: false },
);

const MEDIA = section(
  {
    addresses: Type.Array(MEDIA_ADDRESS, {
      description: 'Addresses for media; each has its own ports.',
      minItems: 1,
      maxItems: 64,
      default: [{ bind: '127.0.0.1', advertise: null, ports: '20000-29999' }],
    }),
    threads: integer({
      description:
        'Media threads. A call lives on one; more than the machine has cores brings nothing.',
      minimum: 1,
      maximum: 64,
      default: 1,
    }),
    endpoints: orNull(Type.Integer({ minimum: 2, maximum: 262_144 }), {
      description:
        'Call legs the engine takes memory for at start; null for two a call of `limits.calls` and some to spare.',
    }),
    folder: text({
      description:
        'Folder of clips to be played and of recordings, made at the start; taken from where the process starts.',
      default: './data/media',
      form: forms.MEDIA_FOLDER_FORM,
    }),
    inactivity_s: integer({
      description: 'A leg without RTP and RTCP for so long ends its call; 0 for never.',
      unit: 's',
      minimum: 0,
      maximum: 86_400,
      default: 60,
    }),
    inactivity_hold_s: integer({
      description:
        'The same for both legs of a call while a party holds it, that is, only sends, only receives or does neither; 0 for never.',
      unit: 's',
      minimum: 0,
      maximum: 86_400,
      default: 3600,
    }),
    conference_participants: integer({
      description:
        'Participants of the largest conference on one media thread. Memory is taken for each conference when it is opened, for as many as that is opened for.',
      minimum: 2,
      maximum: 1_000,
      default: 1_000,
    }),
    kernel_path: oneOf(['auto', 'off'], {
      description:
        'Whether calls that need nothing but forwarding are forwarded inside the kernel: `auto` where this machine lets the media process, `off` never. Their packets then pass by the firewall’s input and output rules.',
      default: 'auto',
    }),
  },
  'RTP sockets and the engine.',
);

const STORE = section(
  {
    url: text({
      description: 'Where call records and API-made objects are kept.',
      default: 'sqlite:./data/trunkyard.db',
      form: forms.STORE_URL_FORM,
    }),
  },
  'The store.',
);

const BUS = section(
  {
    url: text({
      description: 'How parts of the platform hear of each other’s events.',
      default: 'memory:',
      form: forms.BUS_URL_FORM,
    }),
  },
  'The event bus.',
);

const LIMITS = section(
  {
    calls: integer({
      description: 'Calls up at once; further ones get 503.',
      unit: 'calls',
      minimum: 0,
      maximum: 130_000,
      default: 2000,
      live: true,
    }),
    cps: integer({
      description: 'New calls a second; further ones get 503.',
      unit: 'calls/s',
      minimum: 1,
      maximum: 10_000,
      default: 200,
      live: true,
    }),
    drain_s: integer({
      description: 'How long a drain waits for calls to end by themselves before it ends them.',
      unit: 's',
      minimum: 0,
      maximum: 86_400,
      default: 3600,
      live: true,
    }),
    transactions: integer({
      description: 'SIP transactions held at once; further requests get 503 without one.',
      minimum: 1000,
      maximum: 2_000_000,
      default: 200_000,
    }),
    connections: integer({
      description:
        'TCP connections that peers may open at once; strangers seven eighths of them, the rest is kept for the addresses of trunks. As many again are opened by the node, where the most silent one gives way to a new one.',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
    }),
    connections_per_source: integer({
      description: 'TCP connections held at once from one IPv4 address or one IPv6 /64.',
      minimum: 1,
      maximum: 100_000,
      default: 64,
    }),
    connection_idle_s: integer({
      description: 'A TCP connection without a message for so long is closed.',
      unit: 's',
      minimum: 30,
      maximum: 86_400,
      default: 900,
    }),
  },
  'What the node takes before it refuses.',
);

const AUTH = Type.Object(
  {
    username: text({
      description: 'Digest user name; one trunk’s only.',
      form: forms.QUOTABLE_FORM,
    }),
    password: Type.Optional(
      text({ description: 'The password itself, instead of hashes.', secret: true }),
    ),
    ha1_md5: Type.Optional(
      text({
        description: 'Hash instead of the password, for peers that speak MD5.',
        secret: true,
        form: forms.HA1_MD5_FORM,
      }),
    ),
    ha1_sha256: Type.Optional(
      text({
        description: 'Hash instead of the password, for peers that speak SHA-256.',
        secret: true,
        form: forms.HA1_SHA256_FORM,
      }),
    ),
  },
  { additionalProperties: false },
);

const CREDENTIALS = Type.Object(
  {
    username: text({ description: 'User name in our answers.', form: forms.QUOTABLE_FORM }),
    password: text({ description: 'Password of our answers.', secret: true }),
    realm: orNull(text({ description: '', form: forms.QUOTABLE_FORM }), {
      description:
        'Only challenges of this realm are answered; null for any realm of the trunk’s gateways.',
    }),
  },
  { additionalProperties: false },
);

const GATEWAY = Type.Object(
  {
    uri: text({ description: 'Where INVITEs go.', form: forms.GATEWAY_URI_FORM }),
    priority: integer({
      description: 'Lower is tried first.',
      minimum: 0,
      maximum: 65_535,
      default: 1,
    }),
    weight: integer({
      description: 'Share of the calls among gateways of one priority; 0 only after the others.',
      minimum: 0,
      maximum: 65_535,
      default: 1,
    }),
  },
  { additionalProperties: false },
);

export const TRUNK_SCHEMA = Type.Object(
  {
    name: text({
      description: 'Name in routes, records, logs and the API.',
      form: forms.TRUNK_NAME_FORM,
    }),
    allow: Type.Array(text({ description: '', form: forms.CIDR_FORM }), {
      description:
        'Source addresses whose requests belong to this trunk. The longest block wins between trunks. Inside a call it ' +
        'has made, a party may also speak from its own address, from a gateway of this trunk, and from the addresses of ' +
        'a trunk that shares a gateway’s address with it; a carrier that hangs up from others needs them here. So does one that acknowledges from others: without an ACK that counts, a call is ended 32 s after its answer.',
      maxItems: 1024,
      default: [],
    }),
    auth: orNull(AUTH, {
      description:
        'Digest credentials that make a request from any address this trunk’s; null for none.',
    }),
    gateways: Type.Array(GATEWAY, {
      description: 'Far ends for outgoing calls.',
      maxItems: 64,
      default: [],
    }),
    credentials: orNull(CREDENTIALS, {
      description: 'Digest credentials for challenges by the gateways; null for none.',
    }),
    cps: integer({
      description:
        'New calls a second over this trunk, both directions counted together; further ones get 503.',
      unit: 'calls/s',
      minimum: 1,
      maximum: 10_000,
      default: 50,
    }),
    channels: integer({
      description:
        'Calls at once over this trunk, both directions counted together; further ones get 503.',
      unit: 'calls',
      minimum: 0,
      maximum: 130_000,
      default: 500,
    }),
    codecs: Type.Array(
      oneOf(['PCMU', 'PCMA', 'G722', 'opus', 'telephone-event'], { description: '' }),
      {
        description: 'Codecs allowed on this trunk’s legs, best first.',
        minItems: 1,
        uniqueItems: true,
        default: ['opus', 'G722', 'PCMA', 'PCMU', 'telephone-event'],
      },
    ),
    transcode: oneOf(['always', 'when_needed', 'never'], {
      description:
        'Whether audio of this trunk’s legs is decoded and encoded anew: `when_needed` where the two sides share no codec, packet time or way to say digits, `always` to even out jitter and loss too, `never` not at all, which wins between two trunks: calls without a shared codec get 488. What needs encoding is offered to a gateway that shares nothing, or after it has refused the rest with 488, 415 or 606.',
      default: 'when_needed',
    }),
    srtp: oneOf(['off', 'optional', 'required'], {
      description:
        'Encryption of this trunk’s audio with keys in the SDP (RFC 4568): `required` takes and makes no plain offer, `optional` takes both and offers SRTP first, plain RTP after a 488, 415 or 606; `off` takes and makes plain ones alone.',
      default: 'off',
    }),
    ptime_ms: integer({
      description:
        'Length of the packets we make ourselves, where audio is decoded and the peer doesn’t ask for another.',
      unit: 'ms',
      minimum: 10,
      maximum: 60,
      multipleOf: 10,
      default: 20,
    }),
    jitter_buffer: oneOf(['off', 'small', 'medium', 'large'], {
      description:
        'How long audio that is decoded waits for late packets: the larger, the fewer gaps and the more delay. `off` plays packets as they come.',
      default: 'medium',
    }),
    dtmf: oneOf(['auto', 'rfc4733', 'info', 'inband'], {
      description:
        'How this trunk’s peers say digits: `rfc4733` by telephone-event, offered even when the other side has none; `info` by SIP INFO; `inband` as tones; `auto` by telephone-event where both sides have it. INFO is taken of `info` peers alone, as others say the same digit in another way too. Two ways that differ are converted, unless `transcode` is `never`.',
      default: 'auto',
    }),
    comfort_noise: oneOf(['off', 'on'], {
      description:
        'Comfort noise (RFC 3389, `CN`) beside G.711 and G.722: taken and offered with `on`; where audio goes through as it is, if both trunks say so. Audio that we encode describes its pauses instead of sending them.',
      default: 'off',
    }),
    redundancy: oneOf(['off', 'on'], {
      description:
        'Redundant audio (RFC 2198, `red`): taken and offered with `on`; where audio goes through as it is, if both trunks say so. Audio that we encode comes twice, with the next packet once more, at twice the bit rate; single losses are mended.',
      default: 'off',
    }),
    opus_bitrate_bps: orNull(Type.Integer({ minimum: 6_000, maximum: 510_000 }), {
      description: 'Bit rate of Opus that we encode; null for what suits its sampling rate.',
      unit: 'bit/s',
    }),
    opus_complexity: integer({
      description:
        'Effort of the Opus encoder, 10 the greatest; a node short of time lowers it by itself.',
      minimum: 0,
      maximum: 10,
      default: 5,
    }),
    max_duration_s: integer({
      description: 'A call answered so long ago is ended.',
      unit: 's',
      minimum: 1,
      maximum: 604_800,
      default: 14_400,
    }),
    media: oneOf(['auto', 'strict', 'latch'], {
      description:
        'Where media of this trunk’s legs may come from: `strict` the SDP’s address only, `latch` the first steady source, `auto` latch for a private SDP address and strict else.',
      default: 'auto',
    }),
    failover_codes: Type.Array(
      Type.Integer({ minimum: 400, maximum: 699, form: forms.FAILOVER_CODE_FORM }),
      {
        description:
          'Final statuses after which the next gateway is tried. Timeouts and connection errors always do so.',
        maxItems: 64,
        uniqueItems: true,
        default: [408, 503],
      },
    ),
    gateway_timeout_s: integer({
      description:
        'A gateway that sends no response at all for so long is given up for the next; the last one keeps its INVITE until Timer B.',
      unit: 's',
      minimum: 1,
      maximum: 32,
      default: 4,
    }),
    ring_timeout_s: integer({
      description: 'An outgoing call that isn’t answered for so long is cancelled.',
      unit: 's',
      minimum: 5,
      maximum: 3600,
      default: 120,
    }),
  },
  { additionalProperties: false },
);

export const ROUTE_SCHEMA = Type.Object(
  {
    prefix: Type.Optional(
      text({
        description:
          'Leading digits of the dialled number; the longest prefix wins. A `+` is not compared, neither here nor in the number: `44` and `+44` are the same and match both. Empty for all.',
        form: forms.PREFIX_FORM,
      }),
    ),
    number: Type.Optional(
      text({
        description: 'Instead of `prefix`: a whole number or name, looked up before any prefix.',
        form: forms.DIALLED_FORM,
      }),
    ),
    strip: integer({
      description: 'Leading digits taken off, `+` not counted.',
      minimum: 0,
      maximum: 64,
      default: 0,
    }),
    add: text({ description: 'Put in front of what is left.', default: '', form: forms.ADD_FORM }),
    trunks: Type.Optional(
      Type.Array(text({ description: '', form: forms.TRUNK_NAME_FORM }), {
        description: 'Trunks to try, in this order.',
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
      }),
    ),
    destination: Type.Optional(
      oneOf(['echo'], {
        description: 'Instead of `trunks`: `echo` answers here and sends the caller’s audio back.',
      }),
    ),
  },
  { additionalProperties: false },
);

const LOG = section(
  {
    level: oneOf(['debug', 'info', 'warn', 'error', 'silent'], {
      description: 'Least important messages that are written.',
      default: 'info',
      live: true,
    }),
  },
  'The log.',
);

/** The whole file. */
export const SETTINGS_SCHEMA = section(
  {
    listen: LISTEN,
    media: MEDIA,
    store: STORE,
    bus: BUS,
    limits: LIMITS,
    trunks: Type.Array(TRUNK_SCHEMA, {
      description: 'Peers that send and take calls. Read-only in the API.',
      maxItems: 10_000,
      default: [],
      live: true,
    }),
    routes: Type.Array(ROUTE_SCHEMA, {
      description: 'Dialled number to trunks. Read-only in the API.',
      maxItems: 100_000,
      default: [],
      live: true,
    }),
    log: LOG,
  },
  'Settings of a node.',
);

export type RawSettings = Static<typeof SETTINGS_SCHEMA>;
export type RawTrunk = Static<typeof TRUNK_SCHEMA>;
export type RawRoute = Static<typeof ROUTE_SCHEMA>;
