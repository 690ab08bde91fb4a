// The process's log: pino as JSON lines on stderr, phone numbers masked before they get there.
import { pino } from 'pino';
import type { Log } from '../base/index.ts';
import { maskNumber } from '../base/index.ts';
import type { LogLevel } from '../config/index.ts';

/** Fields whose text may hold a phone number or a SIP user part. */
const MASKED = new Set(['caller', 'called', 'number', 'uri', 'from', 'to', 'message', 'dialled']);

export interface ProcessLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Opens the log of one process of the tree; `process` is its name in every line. */
export function openLog(level: LogLevel, process: string): ProcessLog {
  const logger = pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  return {
    debug: (fields, message) => logger.debug(masked(fields), message),
    info: (fields, message) => logger.info(masked(fields), message),
    warn: (fields, message) => logger.warn(masked(fields), message),
    error: (fields, message) => logger.error(masked(fields), message),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}

function masked(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    out[name] = typeof value === 'string' && MASKED.has(name) ? maskNumber(value) : value;
  }
  return out;
}
