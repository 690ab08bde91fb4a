// Addresses against the machine and against each other: what can't be bound here, and gateways that are this node itself.
import type { HostPort } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import { GATEWAY_URI_FORM, HTTP_LISTEN_FORM, isAnyAddress, readIp, unmapped } from './forms.ts';
import { sipListen } from './normalize.ts';
import type { Path } from './read.ts';
import type { Reporter } from './reporter.ts';
import type { RawSettings } from './schema.ts';
import type { ConfiguredTransport, SipListenSettings } from './settings.ts';

/**
 * Warns of addresses to bind that the machine doesn't have. No error: the file may be checked on another machine than the one
 * it is for, and an address may come up later.
 */
export function checkLocalAddresses(
  raw: RawSettings,
  report: Reporter,
  localAddresses: readonly string[],
): void {
  const known = new Set(localAddresses.map((address) => readIp(address) ?? address));
  const check = (host: string, path: Path): void => {
    if (isAnyAddress(host) || host.startsWith('127.') || known.has(host)) return;
    const problem = 'is no address of this machine, so nothing can listen on it here';
    report.warn(path, { value: host, problem });
  };
  for (const [index, entry] of raw.listen.sip.entries()) {
    check(sipListen(entry).bind.host, report.itemPathOf(raw.listen.sip, index));
  }
  const http = raw.listen.http === null ? null : HTTP_LISTEN_FORM.read(raw.listen.http);
  if (http?.ok === true) check(http.value.host, ['listen', 'http']);
  for (const address of raw.media.addresses) {
    check(readIp(address.bind) ?? address.bind, [...report.pathOf(address), 'bind']);
  }
}

/** An error for each gateway that is one of our own listening points. */
export function checkGatewayLoops(raw: RawSettings, report: Reporter): void {
  const points = raw.listen.sip.map(sipListen);
  for (const gateway of raw.trunks.flatMap(({ gateways }) => gateways)) {
    const read = GATEWAY_URI_FORM.read(gateway.uri);
    const own = read.ok ? ownPoint(read.value, points) : null;
    if (own === null) continue;
    const problem = `is this node itself (listen.sip ${own.transport}://${hostPortText(own.bind)}): its calls would come back for ever`;
    report.error([...report.pathOf(gateway), 'uri'], { value: gateway.uri, problem });
  }
}

/** The listening point that a gateway's address leads to; null when it leads elsewhere, as far as the texts can tell. */
export function ownPoint(
  { transport, host, port }: HostPort & { readonly transport: ConfiguredTransport },
  points: readonly SipListenSettings[],
): SipListenSettings | null {
  const hosts = host === 'localhost' ? LOCALHOST : [unmapped(host)];
  const leadsTo = ({ bind, advertise, ...point }: SipListenSettings): boolean => {
    if (point.transport !== transport) return false;
    const bound = unmapped(bind.host);
    const hears = (one: string): boolean =>
      bound === one || (isAnyAddress(bound) && isLoopback(one));
    const isBound = bind.port === port && hosts.some(hears);
    return isBound || (advertise.port === port && hosts.includes(unmapped(advertise.host)));
  };
  return points.find(leadsTo) ?? null;
}

/** What the name leads to everywhere (RFC 6761 §6.3); it is listed for listeners that are told by it, too. */
const LOCALHOST: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
