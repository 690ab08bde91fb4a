// Gathers what `doctor` weighs: kernel limits, ports, clock and addresses of this machine.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, networkInterfaces } from 'node:os';
import type { DoctorFacts } from '../config/index.ts';

/** Reads the facts; whatever can't be read is null. */
export function gatherFacts(): DoctorFacts {
  return {
    receiveBufferBytesMax: readNumber('/proc/sys/net/core/rmem_max'),
    sendBufferBytesMax: readNumber('/proc/sys/net/core/wmem_max'),
    openFilesMax: openFilesMax(),
    ephemeralPorts: readRanges('/proc/sys/net/ipv4/ip_local_port_range')[0] ?? null,
    reservedPorts: readRanges('/proc/sys/net/ipv4/ip_local_reserved_ports'),
    cpuCount: availableParallelism(),
    clockSynchronised: clockSynchronised(),
    localAddresses: Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address)),
  };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'ascii').trim();
  } catch {
    return null;
  }
}

function readNumber(path: string): number | null {
  const text = readText(path);
  const value = text === null ? NaN : Number.parseInt(text, 10);
  return Number.isFinite(value) ? value : null;
}

/** `low high`, or `a-b,c` as the reserved list is written. */
function readRanges(path: string): readonly { readonly portMin: number; readonly portMax: number }[] {
  const text = readText(path) ?? '';
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

function openFilesMax(): number | null {
  const line = (readText('/proc/self/limits') ?? '').split('\n').find((text) => text.startsWith('Max open files'));
  const hard = line?.trim().split(/\s+/)[4];
  return hard === undefined || hard === 'unlimited' ? null : Number(hard);
}

/** Asks systemd where it runs; elsewhere nobody knows. */
function clockSynchronised(): boolean | null {
  try {
    const text = execFileSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      encoding: 'utf8',
      timeout: 2_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return text === 'yes' ? true : text === 'no' ? false : null;
  } catch {
    return null;
  }
}
