// Addresses against the machine and against each other: what can't be bound here, and gateways that are this node itself.
import type { HostPort } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import { GATEWAY_URI_FORM, HTTP_LISTEN_FORM, isAnyAddress, readIp } from './forms.ts';
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
  const leadsTo = ({ bind, advertise, ...point }: SipListenSettings): boolean => {
    if (point.transport !== transport) return false;
    const isBound =
      bind.port === port && (bind.host === host || (isAnyAddress(bind.host) && isLoopback(host)));
    return isBound || (advertise.host === host && advertise.port === port);
  };
  return points.find(leadsTo) ?? null;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost' || isAnyAddress(host);
}
