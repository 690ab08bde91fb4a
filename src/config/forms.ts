// The forms that texts in the configuration may have: addresses, ranges, URIs, names. One parser each, used both to
// check a value and to make its setting.
import { posix } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { HostPort } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import type { ConfiguredTransport } from './settings.ts';

/** A form: how it is described, and its reader. The reader gives the value or what is wrong with the text. */
export interface Form<T> {
  readonly allowed: string;
  readonly read: (text: string) => FormResult<T>;
}

export type FormResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const good = <T>(value: T): FormResult<T> => ({ ok: true, value });
const bad = (problem: string): FormResult<never> => ({ ok: false, problem });

/** An IP literal in canonical text, IPv6 without brackets; mapped IPv6 stays IPv6. Null when it is none. */
export function readIp(text: string): string | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toString();
  // Zone ids belong to one host's interfaces and never to a peer's address, so they're refused.
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.IPv6.parse(text).toString();
}

/** The address that packets to this one carry: of an IPv6 address that maps an IPv4 one, that. Names stay as they are. */
export function unmapped(host: string): string {
  return readIp(host) === null ? host : ipaddr.process(host).toString();
}

/** Whether the address means every interface. */
export function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function readHostName(text: string): string | null {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (name.length === 0 || name.length > 253) return null;
  const labels = name.split('.');
  // A last label of digits would make the name look like a broken IPv4 address (RFC 3696 §2).
  if (/^\d+$/.test(labels.at(-1) ?? '')) return null;
  return labels.every((label) => LABEL.test(label)) ? name.toLowerCase() : null;
}

function readPort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : null;
}

/** Splits `host[:port]` or `[v6][:port]`; the port text is null when it isn't there, the host stays as written. */
function splitHostPort(
  text: string,
): { readonly host: string; readonly port: string | null } | null {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] ?? null };
  const plain = /^([^:]*)(?::([^:]*))?$/.exec(text);
  return plain === null ? null : { host: plain[1] ?? '', port: plain[2] ?? null };
}

/** Reads `host[:port]` with a host checked by `readHost`. */
function readHostPort(
  text: string,
  {
    readHost,
    portDefault,
  }: { readonly readHost: (host: string) => string | null; readonly portDefault: number | null },
): FormResult<HostPort> {
  const split = splitHostPort(text);
  const host = split === null ? null : readHost(split.host);
  if (split === null || host === null) return bad('the host is not valid');
  if (split.port === null) {
    return portDefault === null ? bad('the port is missing') : good({ host, port: portDefault });
  }
  const port = readPort(split.port);
  return port === null ? bad('the port is not a number from 1 to 65535') : good({ host, port });
}

const readIpOrName = (host: string): string | null => readIp(host) ?? readHostName(host);

const readPeerHost = (host: string): string | null => {
  const read = readIpOrName(host);
  return read === null ? null : unmapped(read);
};

export const IP_FORM: Form<string> = {
  allowed: 'an IPv4 or IPv6 address',
  read: (text) => {
    const ip = readIp(text);
    return ip === null ? bad('is not an IP address') : good(ip);
  },
};

/** Why nothing can listen on an address; null when something may. */
function bindProblem(ip: string): string | null {
  const range = ipaddr.process(ip).range();
  if (range === 'multicast') return 'is a multicast address, on which no call can be taken';
  return range === 'broadcast' ? 'is the broadcast address, which nothing can bind' : null;
}

/** What a form gives whose address is to be bound. */
function bindable<T>(value: T, ip: string): FormResult<T> {
  const problem = bindProblem(ip);
  return problem === null ? good(value) : bad(problem);
}

/** An address to bind or to be reached at. */
export const OWN_IP_FORM: Form<string> = {
  allowed: IP_FORM.allowed,
  read: (text) => {
    const ip = readIp(text);
    return ip === null ? bad('is not an IP address') : bindable(ip, ip);
  },
};

export const HOST_NAME_FORM: Form<string> = {
  allowed: 'a host name',
  read: (text) => {
    const name = readHostName(text);
    return name === null ? bad('is not a host name') : good(name);
  },
};

export interface ListenUrl {
  readonly transport: ConfiguredTransport;
  readonly bind: HostPort;
}

export const SIP_LISTEN_FORM: Form<ListenUrl> = {
  allowed:
    'udp://ADDRESS:PORT or tcp://ADDRESS:PORT, IPv6 in brackets; the port is 5060 when left out',
  read: (text) => {
    const parts = /^([a-z]+):\/\/([^/]+)\/?$/i.exec(text);
    const scheme = parts?.[1]?.toLowerCase() ?? '';
    if (parts === null) return bad('is not a listening address');
    if (scheme !== 'udp' && scheme !== 'tcp')
      return bad(`the transport ${scheme} is not supported`);
    const point = readHostPort(parts[2] ?? '', { readHost: readIp, portDefault: 5060 });
    return point.ok ? bindable({ transport: scheme, bind: point.value }, point.value.host) : point;
  },
};

export const HTTP_LISTEN_FORM: Form<HostPort> = {
  allowed: 'http://ADDRESS:PORT, IPv6 in brackets',
  read: (text) => {
    const parts = /^http:\/\/([^/]+)\/?$/i.exec(text);
    if (parts === null) return bad('is not a plain http address');
    const point = readHostPort(parts[1] ?? '', { readHost: readIp, portDefault: null });
    return point.ok ? bindable(point.value, point.value.host) : point;
  },
};

/** Host and port; port 0 stands for "the port it listens on" when none was written. */
export const ADVERTISE_FORM: Form<HostPort> = {
  allowed: 'an IP address or host name, with :PORT when it differs',
  read: (text) => {
    const bare = readIp(text);
    return bare === null
      ? readHostPort(text, { readHost: readIpOrName, portDefault: 0 })
      : good({ host: bare, port: 0 });
  },
};

export interface PortRange {
  readonly portMin: number;
  readonly portMax: number;
}

export const PORT_RANGE_FORM: Form<PortRange> = {
  allowed: 'FIRST-LAST, both from 1 to 65535, such as 20000-29999',
  read: (text) => {
    const parts = /^(\d+)\s*-\s*(\d+)$/.exec(text);
    const portMin = readPort(parts?.[1] ?? '');
    const portMax = readPort(parts?.[2] ?? '');
    if (portMin === null || portMax === null) return bad('is not a port range');
    if (portMin > portMax) return bad('the first port is above the last');
    if (pairCount({ portMin, portMax }) === 0)
      return bad('holds no even port with the odd one above it');
    return good({ portMin, portMax });
  },
};

/** Whole RTP/RTCP pairs of a range: an even port and the odd one above (RFC 3550 §11). */
export function pairCount({ portMin, portMax }: PortRange): number {
  const firstEven = portMin + (portMin % 2);
  return Math.max(0, Math.floor((portMax - firstEven + 1) / 2));
}

export const CIDR_FORM: Form<string> = {
  allowed: 'an address block such as 192.0.2.0/24 or 2001:db8::/32, or one address',
  read: (text) => {
    const [addressText = '', bitsText, ...more] = text.split('/');
    const ip = readIp(addressText);
    if (ip === null || more.length > 0) return bad('is not an address block');
    const address = ipaddr.process(ip);
    const addressBits = address.kind() === 'ipv4' ? 32 : 128;
    const writtenBits = ip.includes(':') ? 128 : 32;
    if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText))
      return bad('the prefix length is not a number');
    // A mapped block (::ffff:192.0.2.0/120) is the IPv4 block it maps.
    const bits =
      (bitsText === undefined ? writtenBits : Number(bitsText)) - (writtenBits - addressBits);
    if (bits < 0 || bits > addressBits)
      return bad(`the prefix length is not from 0 to ${writtenBits}`);
    const network = `${networkOf(address.toString(), bits)}/${bits}`;
    if (network !== `${address.toString()}/${bits}`) {
      return bad(
        `has bits set behind the prefix; the block is ${network}, the address alone ${address.toString()}/${addressBits}`,
      );
    }
    return good(network);
  },
};

function networkOf(ip: string, bits: number): string {
  return ip.includes(':')
    ? ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${bits}`).toString()
    : ipaddr.IPv4.networkAddressFromCIDR(`${ip}/${bits}`).toString();
}

export interface GatewayUri {
  readonly transport: ConfiguredTransport;
  readonly host: string;
  readonly port: number;
}

export const GATEWAY_URI_FORM: Form<GatewayUri> = {
  allowed: 'sip:HOST[:PORT][;transport=udp|tcp]',
  read: (text) => {
    if (/^sips:/i.test(text)) return bad('sips needs TLS, which is not supported yet');
    const rest = /^sip:(.+)$/i.exec(text)?.[1];
    if (rest === undefined) return bad('is not a sip: URI');
    const [hostPort = '', ...params] = rest.split(';');
    if (hostPort.includes('@'))
      return bad('a gateway has no user part; the number comes from the route');
    let transport: ConfiguredTransport = 'udp';
    for (const param of params) {
      const value = /^transport=(.*)$/i.exec(param)?.[1]?.toLowerCase();
      if (value === undefined) return bad(`the parameter ${param} is not supported`);
      if (value !== 'udp' && value !== 'tcp') return bad(`the transport ${value} is not supported`);
      transport = value;
    }
    const point = readHostPort(hostPort, { readHost: readPeerHost, portDefault: 5060 });
    if (!point.ok) return point;
    // The kernel would take it for loopback.
    if (isAnyAddress(point.value.host)) return bad('means every interface and is nobody’s address');
    return good({ transport, ...point.value });
  },
};

/** The canonical URI of a gateway, for comparing two. */
export function gatewayUriText({ transport, host, port }: GatewayUri): string {
  return `sip:${hostPortText({ host, port })};transport=${transport}`;
}

function patternForm(
  pattern: RegExp,
  { allowed, problem }: { readonly allowed: string; readonly problem: string },
): Form<string> {
  return { allowed, read: (text) => (pattern.test(text) ? good(text) : bad(problem)) };
}

export const TRUNK_NAME_FORM = patternForm(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  allowed:
    '1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  problem: 'is not a name',
});

export const PREFIX_FORM: Form<string> = {
  allowed: 'up to 32 of 0-9 * #, with or without a leading +; empty matches every number',
  read: (text) => {
    // Who writes it means international numbers, and would get every number.
    if (text === '+')
      return bad('would match every number and not only those with a +, for a + is not compared');
    const digits = text.startsWith('+') ? text.slice(1) : text;
    return /^[0-9*#]{0,32}$/.test(digits) ? good(digits) : bad('is not a number prefix');
  },
};

export const DIALLED_FORM = patternForm(/^[A-Za-z0-9*#+._~-]{1,64}$/, {
  allowed: 'a whole number or name, up to 64 of letters, digits and * # + . _ ~ -',
  problem: 'is not something that can be dialled',
});

export const ADD_FORM = patternForm(/^\+?[0-9*#]{0,32}$/, {
  allowed: 'up to 32 of 0-9 * #, with or without a leading +',
  problem: 'is not something to put before a number',
});

// A quote or a control character in a realm or user name would end the quoted string in the challenge (RFC 3261 §25.1).
export const QUOTABLE_FORM = patternForm(/^[^\p{Cc}"\\]{1,128}$/u, {
  allowed: '1 to 128 characters without quotes, backslashes and control characters',
  problem: 'can’t stand in a digest header',
});

export const HA1_MD5_FORM = patternForm(/^[0-9a-fA-F]{32}$/, {
  allowed: '32 hex digits: MD5 of username:realm:password',
  problem: 'is not an MD5 hash',
});

export const HA1_SHA256_FORM = patternForm(/^[0-9a-fA-F]{64}$/, {
  allowed: '64 hex digits: SHA-256 of username:realm:password',
  problem: 'is not a SHA-256 hash',
});

export const STORE_URL_FORM: Form<string> = {
  allowed: 'sqlite:PATH, the path taken from the working directory when it is relative',
  read: (text) => {
    if (/^sqlite:(?:file:)?:memory:/.test(text))
      return bad('is no file: every call record would be lost when the process ends');
    return /^sqlite:[^\p{Cc}?]+$/u.test(text) ? good(text) : bad('is not a store address');
  },
};

/** File systems of the kernel; of them, one is memory that anybody may put folders in. */
const KERNELS_OWN = /^\/(?:proc|sys|dev(?!\/shm(?:\/|$)))(?:\/|$)/;

export const MEDIA_FOLDER_FORM: Form<string> = {
  allowed:
    'a path outside of /proc, /sys and /dev, but /dev/shm; taken from where the process starts when it is relative',
  read: (text) => {
    if (text === '') return bad('is empty');
    if (/\p{Cc}/u.test(text)) return bad('has a control character');
    if (/^\d+$/.test(text)) return bad(`is a number; ./${text} would be a folder`);
    if (KERNELS_OWN.test(posix.normalize(text)))
      return bad('is of the kernel’s own, where no folder can be made');
    return good(text);
  },
};

export const BUS_URL_FORM: Form<string> = {
  allowed: 'memory:',
  read: (text) =>
    text === 'memory:' || text === 'memory' ? good('memory:') : bad('is not a bus address'),
};

const FINAL_FOR_THE_PERSON =
  'is the called party’s own decision; asking another gateway would ring a person who said no';

/** Why a status must not lead to the next gateway, by status. */
const NEVER_FAILS_OVER: Readonly<Record<number, string>> = {
  401: 'is a challenge, answered with the trunk’s credentials',
  407: 'is a challenge, answered with the trunk’s credentials',
  486: 'means the called party is busy, which another gateway can’t change',
  487: 'means the caller gave up',
  600: 'means the called party is busy everywhere (RFC 3261 §21.6)',
  603: `${FINAL_FOR_THE_PERSON} (RFC 3261 §21.6)`,
  604: 'means the number exists nowhere (RFC 3261 §21.6)',
  606: `${FINAL_FOR_THE_PERSON} (RFC 3261 §21.6)`,
  607: `${FINAL_FOR_THE_PERSON} (RFC 8197)`,
  608: `${FINAL_FOR_THE_PERSON} (RFC 8688)`,
};

export const FAILOVER_CODE_FORM: Form<number> = {
  allowed: '400 to 599, but not 401, 407, 486 and 487',
  read: (text) => {
    const status = Number(text);
    const reason =
      NEVER_FAILS_OVER[status] ?? (status >= 600 ? 'is final everywhere (RFC 3261 §21.6)' : null);
    return reason === null ? good(status) : bad(`can’t be failed over: it ${reason}`);
  },
};
