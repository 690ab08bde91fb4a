// Gathers what `doctor` weighs: kernel limits, ports, clock and addresses of this machine.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, networkInterfaces } from 'node:os';
import type { DoctorFacts } from '../config/index.ts';
import { kernelPathObstacle } from '../engine/index.ts';
import { addonPath } from './family.ts';

const CLOCK_LIMIT_MS = 2_000;

/** Reads the facts; whatever can't be read is null. */
export function gatherFacts(): DoctorFacts {
  return {
    receiveBufferBytesMax: numberIn(readText('/proc/sys/net/core/rmem_max')),
    sendBufferBytesMax: numberIn(readText('/proc/sys/net/core/wmem_max')),
    openFilesMax: openFilesMaxIn(readText('/proc/self/limits')),
    ephemeralPorts: portRangesIn(readText('/proc/sys/net/ipv4/ip_local_port_range'))[0] ?? null,
    reservedPorts: portRangesIn(readText('/proc/sys/net/ipv4/ip_local_reserved_ports')),
    cpuCount: availableParallelism(),
    clockSynchronised: clockSynchronised(),
    kernelPathObstacle: tryKernelPath(),
    localAddresses: Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).map(({ address }) => address),
    ),
  };
}

/** Empty when it can't be read: not Linux, or a sandbox without /proc. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'ascii').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}

/** A text that is one whole number, else null. */
export function numberIn(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** `low high`, or `a-b,c` as the list of reserved ports is written; both ends included. */
export function portRangesIn(
  text: string,
): readonly { readonly portMin: number; readonly portMax: number }[] {
  const pair = /^(\d+)\s+(\d+)$/.exec(text);
  if (pair !== null) return [{ portMin: Number(pair[1]), portMax: Number(pair[2]) }];
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [low = '0', high = low] = part.split('-');
      return { portMin: Number(low), portMax: Number(high) };
    });
}

/** The hard limit in /proc/self/limits, since Node raises the soft one to it; null for `unlimited`. */
export function openFilesMaxIn(text: string): number | null {
  const line = text.split('\n').find((entry) => entry.startsWith('Max open files'));
  return numberIn(line?.trim().split(/\s+/)[4] ?? '');
}

/** As the media process would. */
function tryKernelPath(): string | null {
  try {
    return kernelPathObstacle(addonPath()) ?? '';
  } catch (error) {
    // No addon for this machine.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Asks systemd where it runs; elsewhere nobody knows. */
function clockSynchronised(): boolean | null {
  try {
    const answer = execFileSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      encoding: 'utf8',
      timeout: CLOCK_LIMIT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    if (answer === 'yes') return true;
    return answer === 'no' ? false : null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
