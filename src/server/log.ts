// The process's log: pino as JSON lines on stderr, phone numbers masked before they get there.
import type { DestinationStream } from 'pino';
import { pino } from 'pino';
import type { Log } from '../base/index.ts';
import { maskNumber } from '../base/index.ts';
import type { LogLevel } from '../config/index.ts';

/** Fields with words of our own: identifiers and names that an operator must be able to look up. All others are masked. */
const PLAIN: ReadonlySet<string> = new Set([
  'callId',
  'legId',
  'address',
  'source',
  'region',
  'gateway',
  'child',
  'code',
]);

/** Five digits and more, also when spelled as in RFC 3966 (`+44-20-7946(0)958`). A port behind an address is none. */
const NUMBER = /(?<!\.\d{1,3}:|\]:)\d(?:[-()]{0,2}\d){4,}/g;

/** A log whose level a reload may change. */
export interface ProcessLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Opens the log of one process of the tree; `process` is its name in every line. */
export function openLog(
  level: LogLevel,
  process: string,
  to: DestinationStream = pino.destination(2),
): ProcessLog {
  const logger = pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime }, to);
  return {
    debug: (fields, message) => {
      if (logger.isLevelEnabled('debug')) logger.debug(masked(fields), message);
    },
    info: (fields, message) => logger.info(masked(fields), message),
    warn: (fields, message) => logger.warn(masked(fields), message),
    error: (fields, message) => logger.error(masked(fields), message),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}

function masked(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      PLAIN.has(name) ? value : maskedValue(value),
    ]),
  );
}

function maskedValue(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(NUMBER, (digits) => maskNumber(digits.replace(/\D/g, '')));
  }
  if (Array.isArray(value)) return value.map(maskedValue);
  if (typeof value !== 'object' || value === null) return value;
  return masked(Object.fromEntries(Object.entries(value)));
}
