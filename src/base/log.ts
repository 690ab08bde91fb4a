// The logging interface that rooms are given; the server fills it with pino.

export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Masks a phone number for logs: keeps the first two and last two digits.
 * @returns text without runs of more than four consecutive original digits.
 */
export function maskNumber(text: string): string {
  return text.replace(/\d{5,}/g, (digits) => `${digits.slice(0, 2)}***${digits.slice(-2)}`);
}
