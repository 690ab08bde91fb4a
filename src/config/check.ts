// What no single setting can tell: settings that contradict, or that together can't do what they promise.
import { hostPortText } from '../base/index.ts';
import { HTTP_LISTEN_FORM, PORT_RANGE_FORM, isAnyAddress, pairCount, readIp } from './forms.ts';
import { checkGatewayLoops, checkLocalAddresses } from './check-addresses.ts';
import { checkRoutes, checkTrunks } from './check-peers.ts';
import { ENDPOINTS_A_THREAD_MAX, sipListen } from './normalize.ts';
import type { Path, SchemaReader } from './read.ts';
import { pathText } from './read.ts';
import { Reporter } from './reporter.ts';
import type { RawSettings } from './schema.ts';

/** A port just closed isn't given out again for so long (ARCHITECTURE, lifetime of a port). */
export const PORT_REST_S = 2;
const LEGS_A_CALL = 2;
const PORTS_A_LEG = 2;

/**
 * Checks settings against each other.
 * @param raw    what was read; entries that were broken in themselves are already left out and reported.
 * @param reader for places, and to take the findings.
 * @param localAddresses of this machine; null when nobody knows.
 */
export function checkSettings(
  raw: RawSettings,
  reader: SchemaReader,
  localAddresses: readonly string[] | null,
): void {
  const report = new Reporter(reader);
  const sound = !reader.findings.some(({ severity }) => severity === 'error');
  checkListen(raw, report);
  checkMediaAddresses(raw, report);
  checkPortRest(raw, report);
  checkEndpoints(raw, report);
  checkTrunks(raw, report);
  checkGatewayLoops(raw, report);
  if (localAddresses !== null) checkLocalAddresses(raw, report, localAddresses);
  checkRoutes(raw, { report, trunksComplete: sound });
}

function checkListen(raw: RawSettings, report: Reporter): void {
  const taken = new Map<string, string>();
  const claim = (
    key: string,
    { path, value }: { readonly path: Path; readonly value: string },
  ): void => {
    const other = taken.get(key);
    if (other !== undefined)
      report.error(path, { value, problem: `is the same listening address as ${other}` });
    else taken.set(key, pathText(path));
  };
  for (const [index, entry] of raw.listen.sip.entries()) {
    const point = sipListen(entry);
    const path = report.itemPathOf(raw.listen.sip, index);
    const value = typeof entry === 'string' ? entry : entry.bind;
    claim(`${point.transport} ${hostPortText(point.bind)}`, { path, value });
    if (isAnyAddress(point.advertise.host)) {
      report.warn(path, {
        value,
        problem: `peers would be told ${point.advertise.host} in Via and Contact and could not send to it`,
        allowed: '{bind, advertise} with an address that peers reach',
      });
    }
  }
  if (raw.listen.http === null) return;
  const http = HTTP_LISTEN_FORM.read(raw.listen.http);
  if (http.ok)
    claim(`tcp ${hostPortText(http.value)}`, { path: ['listen', 'http'], value: raw.listen.http });
}

/** Translation between families would need the peers' addresses translated too, and a socket has one family alone. */
function checkFamily(address: RawMediaAddress, report: Reporter): void {
  const { advertise } = address;
  if (advertise === null || familyOf(advertise) === familyOf(address.bind)) return;
  report.error([...report.pathOf(address), 'advertise'], {
    value: advertise,
    problem: `is not of the family of ${address.bind}, and what peers send to it can’t come in there`,
    allowed: `an ${familyOf(address.bind)} address`,
  });
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return (readIp(address) ?? address).includes(':') ? 'IPv6' : 'IPv4';
}

function overlaps(a: string, b: string): boolean {
  const sameFamily = familyOf(a) === familyOf(b);
  return a === b || (sameFamily && (isAnyAddress(a) || isAnyAddress(b)));
}

function rangeOf(ports: string): { readonly portMin: number; readonly portMax: number } {
  const read = PORT_RANGE_FORM.read(ports);
  return read.ok ? read.value : { portMin: 0, portMax: 0 };
}

type RawMediaAddress = RawSettings['media']['addresses'][number];

function checkMediaAddresses(raw: RawSettings, report: Reporter): void {
  for (const [index, address] of raw.media.addresses.entries()) {
    const path = report.pathOf(address);
    const bind = readIp(address.bind) ?? address.bind;
    const range = rangeOf(address.ports);
    const portsPath = [...path, 'ports'];
    if (isAnyAddress(readIp(address.advertise ?? '') ?? bind)) {
      report.warn([...path, 'bind'], {
        value: bind,
        problem:
          'peers would be told this address in SDP, where it means hold, and no media would come',
        allowed: 'one address, or `advertise` with an address that peers reach',
      });
    }
    checkFamily(address, report);
    const unused = range.portMax - range.portMin + 1 - pairCount(range) * 2;
    if (unused > 0) {
      report.warn(portsPath, {
        value: address.ports,
        problem: 'begins with an odd or ends with an even port, which stays unused',
      });
    }
    if (range.portMin < 1024) {
      report.warn(portsPath, {
        value: address.ports,
        problem: 'has ports below 1024, which need a privilege and may belong to other services',
      });
    }
    checkAgainstSip(raw, { report, path: portsPath, bind, range, ports: address.ports });
    for (const other of raw.media.addresses.slice(0, index)) {
      const otherRange = rangeOf(other.ports);
      const disjoint = otherRange.portMax < range.portMin || range.portMax < otherRange.portMin;
      if (disjoint || !overlaps(bind, readIp(other.bind) ?? other.bind)) continue;
      report.error(portsPath, {
        value: address.ports,
        problem: `overlaps ${other.ports} of ${other.bind}`,
      });
    }
  }
}

interface RangeAt {
  readonly report: Reporter;
  readonly path: Path;
  readonly bind: string;
  readonly range: { readonly portMin: number; readonly portMax: number };
  readonly ports: string;
}

function checkAgainstSip(raw: RawSettings, { report, path, bind, range, ports }: RangeAt): void {
  for (const entry of raw.listen.sip) {
    const { transport, bind: sip } = sipListen(entry);
    const inside = sip.port >= range.portMin && sip.port <= range.portMax;
    // Media is UDP: a TCP listener on the same number is another port.
    if (transport !== 'udp' || !inside || !overlaps(bind, sip.host)) continue;
    report.error(path, { value: ports, problem: `holds the SIP port ${sip.port} of listen.sip` });
  }
}

/**
 * Ports that calls need when calls come and go at the configured rate: those of standing calls, and those resting.
 */
export function portsNeeded({
  calls,
  cps,
}: {
  readonly calls: number;
  readonly cps: number;
}): number {
  return calls * LEGS_A_CALL * PORTS_A_LEG + cps * LEGS_A_CALL * PORTS_A_LEG * PORT_REST_S;
}

function checkPortRest(raw: RawSettings, report: Reporter): void {
  const { calls, cps } = raw.limits;
  const needed = portsNeeded({ calls, cps });
  const present = raw.media.addresses.reduce(
    (sum, { ports }) => sum + pairCount(rangeOf(ports)) * 2,
    0,
  );
  if (present >= needed) return;
  const [first] = raw.media.addresses;
  const path =
    raw.media.addresses.length === 1 && first !== undefined
      ? [...report.pathOf(first), 'ports']
      : ['media', 'addresses'];
  report.warn(path, {
    value: `${present} ports`,
    problem:
      `can’t rest at the configured rate: limits.cps ${cps} x ${LEGS_A_CALL} legs x ${PORTS_A_LEG} ports x ${PORT_REST_S} s` +
      ` = ${needed - calls * LEGS_A_CALL * PORTS_A_LEG} resting, and limits.calls ${calls} x ${LEGS_A_CALL * PORTS_A_LEG}` +
      ` = ${calls * LEGS_A_CALL * PORTS_A_LEG} in use`,
    allowed: `${needed} ports or more, or lower limits`,
  });
}

function checkEndpoints(raw: RawSettings, report: Reporter): void {
  const { endpoints, threads } = raw.media;
  const needed = raw.limits.calls * LEGS_A_CALL;
  const room = threads * ENDPOINTS_A_THREAD_MAX;
  if ((endpoints ?? needed) > room) {
    const problem = `a media thread holds ${ENDPOINTS_A_THREAD_MAX} endpoints, ${threads} hold ${room}`;
    if (endpoints === null) {
      report.error(['limits', 'calls'], {
        value: String(raw.limits.calls),
        problem: `${problem}, and each call needs ${LEGS_A_CALL}`,
        allowed: `${room / LEGS_A_CALL} or fewer, or more media.threads`,
      });
    } else {
      const allowed = `${room} or fewer, or more media.threads`;
      report.error(['media', 'endpoints'], { value: String(endpoints), problem, allowed });
    }
    return;
  }
  if (endpoints === null || endpoints >= needed) return;
  report.warn(['media', 'endpoints'], {
    value: String(endpoints),
    problem: `is reached before limits.calls: ${raw.limits.calls} calls have ${needed} legs`,
    allowed: `${needed} or more, or null`,
  });
}
