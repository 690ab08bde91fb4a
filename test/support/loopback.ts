// Free ports on the loopback addresses that the end-to-end tests use, and waiting for a condition with a deadline.
// Each party has an address of its own, so that a source address tells who sent what.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** The engine, then callers, callees, and a stranger that no trunk knows. */
export const ADDRESSES = {
  engine: '127.0.0.1',
  caller: '127.0.0.2',
  callee: '127.0.0.3',
  spare: '127.0.0.4',
  stranger: '127.0.0.9',
} as const;

/**
 * Below the ports that the system hands out by itself, so that nobody's connection takes one between our look and its
 * use, and below the media ports.
 */
const PORTS = { first: 10_000, count: 10_000 } as const;
/** What this process was given is not given again: whoever asked may not have bound it yet. */
const given = new Set<number>();

/** A port that is free for UDP and for TCP on an address, and that no later call of this process gives. */
export async function freePort(address: string): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(PORTS.first, PORTS.first + PORTS.count);
    if (given.has(port)) continue;
    if (!(await isFreeForTcp(address, port)) || !(await isFreeForUdp(address, port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no port is free for both UDP and TCP on ${address}`);
}

/** The first port from `from` on, in steps of 100, that is free for UDP: another test run may be at work beside us. */
export async function freeMediaPort(address: string, from: number): Promise<number> {
  for (let port = from; port < from + 1000; port += 100) {
    if ((await isFreeForUdp(address, port)) && (await isFreeForUdp(address, port + 2))) return port;
  }
  throw new Error(`no media port is free on ${address} from ${from} on`);
}

function isFreeForTcp(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => {
      server.close(() => resolve(true));
    });
  });
}

function isFreeForUdp(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, address, () => {
      socket.close(() => resolve(true));
    });
  });
}

export interface Patience {
  /** What is waited for, for the message when it never comes. */
  readonly what: string;
  readonly limitMs: number;
  /** Between two looks. */
  readonly everyMs?: number;
}

/**
 * Looks again and again until `look` gives something other than null, undefined or false.
 * @throws when the limit passes first; the last look's error is its cause.
 */
export async function until<T>(
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { what, limitMs, everyMs = 50 }: Patience,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  let cause: unknown;
  while (performance.now() < deadlineMs) {
    try {
      const seen = await look();
      if (seen !== null && seen !== undefined && seen !== false) return seen;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause });
}
