// Whether this machine can do what the configuration promises. Pure: the facts are gathered by the shell, which reads
// /proc and asks the system; here they are weighed.
import { pairCount } from './forms.ts';
import type { Settings } from './settings.ts';

/** What was found on the machine; null = could not be found out. */
export interface DoctorFacts {
  /** net.core.rmem_max and wmem_max. */
  readonly receiveBufferBytesMax: number | null;
  readonly sendBufferBytesMax: number | null;
  /** The process's limit of open files (RLIMIT_NOFILE, hard). */
  readonly openFilesMax: number | null;
  /** net.ipv4.ip_local_port_range: ports the system gives to outgoing sockets of any program, both included. */
  readonly ephemeralPorts: { readonly portMin: number; readonly portMax: number } | null;
  /** net.ipv4.ip_local_reserved_ports: ranges the system leaves alone, both ends included. */
  readonly reservedPorts: readonly { readonly portMin: number; readonly portMax: number }[];
  readonly cpuCount: number;
  /** Whether the clock is disciplined by NTP or the like. */
  readonly clockSynchronised: boolean | null;
  /** What keeps this process from forwarding inside the kernel, a sentence; empty when nothing does. */
  readonly kernelPathObstacle: string | null;
  /** Addresses of this machine's interfaces, canonical text. */
  readonly localAddresses: readonly string[];
}

export interface DoctorFinding {
  /** Short name of the check, for example `receive-buffer`. */
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'error' | 'unknown';
  /** What is so, with figures. */
  readonly text: string;
  /** What to do; null when nothing is needed. */
  readonly advice: string | null;
}

/** Asked for on SIP sockets: with the usual 208 KiB a burst of new calls is lost in the kernel before we see it. */
export const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

/** Files a node has open besides sockets of calls and connections: store, journal, rings, libraries. */
const OPEN_FILES_SPARE = 256;
/** RTP and RTCP. */
const SOCKETS_AN_ENDPOINT = 2;

/** Weighs all facts, one finding a check, in a fixed order. */
export function doctorFindings(settings: Settings, facts: DoctorFacts): readonly DoctorFinding[] {
  return [
    checkBuffer('receive-buffer', {
      setting: 'net.core.rmem_max',
      bytes: facts.receiveBufferBytesMax,
    }),
    checkBuffer('send-buffer', { setting: 'net.core.wmem_max', bytes: facts.sendBufferBytesMax }),
    checkOpenFiles(settings, facts),
    checkEphemeralPorts(settings, facts),
    checkCpus(settings, facts),
    checkAddresses(settings, facts),
    checkClock(facts),
    checkKernelPath(settings, facts),
  ];
}

const finding = (
  check: string,
  verdict: DoctorFinding['verdict'],
  text: string,
  advice: string | null,
): DoctorFinding => ({
  check,
  verdict,
  text,
  advice,
});

function checkBuffer(
  check: string,
  { setting, bytes }: { readonly setting: string; readonly bytes: number | null },
): DoctorFinding {
  if (bytes === null) return finding(check, 'unknown', `${setting} can’t be read`, null);
  if (bytes >= SOCKET_BUFFER_BYTES)
    return finding(check, 'ok', `${setting} is ${bytes} bytes`, null);
  const text = `${setting} is ${bytes} bytes, ${SOCKET_BUFFER_BYTES} are asked for; bursts of calls will lose messages`;
  return finding(
    check,
    'warning',
    text,
    `sysctl -w ${setting}=${SOCKET_BUFFER_BYTES}, and the same line in /etc/sysctl.d`,
  );
}

function checkOpenFiles({ media, limits }: Settings, { openFilesMax }: DoctorFacts): DoctorFinding {
  const needed = media.endpoints * SOCKETS_AN_ENDPOINT + limits.connections + OPEN_FILES_SPARE;
  if (openFilesMax === null)
    return finding(
      'open-files',
      'unknown',
      `the limit can’t be read; ${needed} files are needed`,
      null,
    );
  if (openFilesMax >= needed)
    return finding(
      'open-files',
      'ok',
      `${openFilesMax} files may be open, ${needed} are needed`,
      null,
    );
  const text = `${openFilesMax} files may be open, but media.endpoints and limits.connections need ${needed}`;
  return finding(
    'open-files',
    'error',
    text,
    `LimitNOFILE=${needed} in the service unit, or ulimit -n ${needed}`,
  );
}

interface PortRange {
  readonly portMin: number;
  readonly portMax: number;
}

/** Ports of `range` that the system may give away: inside `ephemeral` and not reserved. */
function exposedPortCount(
  range: PortRange,
  {
    ephemeral,
    reserved,
  }: { readonly ephemeral: PortRange; readonly reserved: readonly PortRange[] },
): number {
  let count = 0;
  for (
    let port = Math.max(range.portMin, ephemeral.portMin);
    port <= Math.min(range.portMax, ephemeral.portMax);
    port += 1
  ) {
    if (!reserved.some(({ portMin, portMax }) => port >= portMin && port <= portMax)) count += 1;
  }
  return count;
}

function checkEphemeralPorts(
  { listen, media }: Settings,
  { ephemeralPorts, reservedPorts }: DoctorFacts,
): DoctorFinding {
  const check = 'ephemeral-ports';
  if (ephemeralPorts === null)
    return finding(check, 'unknown', 'net.ipv4.ip_local_port_range can’t be read', null);
  const ranges = [
    ...media.addresses.map(({ portMin, portMax }) => ({ portMin, portMax })),
    ...listen.sip.map(({ bind }) => ({ portMin: bind.port, portMax: bind.port })),
  ];
  const exposed = ranges.filter(
    (range) => exposedPortCount(range, { ephemeral: ephemeralPorts, reserved: reservedPorts }) > 0,
  );
  const system = `${ephemeralPorts.portMin}-${ephemeralPorts.portMax}`;
  if (exposed.length === 0)
    return finding(check, 'ok', `no port of ours lies in the system’s range ${system}`, null);
  const list = [
    ...new Set(
      exposed.map(({ portMin, portMax }) =>
        portMin === portMax ? `${portMin}` : `${portMin}-${portMax}`,
      ),
    ),
  ].join(',');
  return finding(
    check,
    'warning',
    `the system may give ports of ${list} to other programs, since its range is ${system}`,
    `sysctl -w net.ipv4.ip_local_reserved_ports=${list}, and the same line in /etc/sysctl.d`,
  );
}

function checkCpus({ media }: Settings, { cpuCount }: DoctorFacts): DoctorFinding {
  if (media.threads <= cpuCount)
    return finding('cpus', 'ok', `${cpuCount} CPUs for ${media.threads} media threads`, null);
  const text = `media.threads is ${media.threads}, but the machine has ${cpuCount} CPUs`;
  return finding('cpus', 'warning', text, `media.threads: ${cpuCount} or less`);
}

function checkAddresses(
  { listen, media }: Settings,
  { localAddresses }: DoctorFacts,
): DoctorFinding {
  const isHere = (host: string): boolean =>
    host === '0.0.0.0' || host === '::' || host.startsWith('127.') || localAddresses.includes(host);
  const wanted = [
    ...listen.sip.map(({ bind }) => bind.host),
    ...(listen.http === null ? [] : [listen.http.host]),
    ...media.addresses.map(({ bind }) => bind),
  ];
  const missing = [...new Set(wanted)].filter((host) => !isHere(host));
  if (missing.length === 0)
    return finding('addresses', 'ok', 'every address to bind is on this machine', null);
  const advice =
    'correct listen or media.addresses; behind address translation, bind the inner and advertise the outer address';
  return finding('addresses', 'error', `not on this machine: ${missing.join(', ')}`, advice);
}

function checkClock({ clockSynchronised }: DoctorFacts): DoctorFinding {
  if (clockSynchronised === null)
    return finding('clock', 'unknown', 'can’t tell whether the clock is synchronised', null);
  if (clockSynchronised) return finding('clock', 'ok', 'the clock is synchronised', null);
  return finding(
    'clock',
    'warning',
    'the clock is not synchronised, so records of this node and its peers will not agree',
    'run chrony or systemd-timesyncd',
  );
}

/** Never a warning: without it everything works, by the sockets. */
function checkKernelPath({ media }: Settings, { kernelPathObstacle }: DoctorFacts): DoctorFinding {
  const check = 'kernel-path';
  if (media.kernelPath === 'off') return finding(check, 'ok', 'media.kernel_path is off', null);
  if (kernelPathObstacle === null)
    return finding(check, 'unknown', 'the media engine can’t be loaded to try it', null);
  if (kernelPathObstacle === '')
    return finding(check, 'ok', 'plain calls can be forwarded inside the kernel', null);
  return finding(
    check,
    'ok',
    `off, every packet goes by the sockets: ${kernelPathObstacle}`,
    'docs/operations.md says what it takes and what it brings; media.kernel_path: off ends this line',
  );
}

/** Ports for media of all addresses, whole pairs only; for reports. */
export function mediaPortCount({ media }: Settings): number {
  return media.addresses.reduce((sum, address) => sum + pairCount(address) * 2, 0);
}
