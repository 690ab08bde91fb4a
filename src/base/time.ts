// Two kinds of time that must never be mixed: MonoMs measures, EpochMs dates records.

declare const mono: unique symbol;
declare const epoch: unique symbol;

/** Milliseconds of a clock that only goes forward; fractions allowed; comparable within one process only. */
export type MonoMs = number & { readonly [mono]: true };

/** Milliseconds since 1970-01-01T00:00Z; may step when the machine's clock is set. */
export type EpochMs = number & { readonly [epoch]: true };

/** Both readings of one moment, taken together by the shell and handed down. */
export interface Now {
  readonly mono: MonoMs;
  readonly epoch: EpochMs;
}

/** Brands a monotonic reading. */
export function monoMs(value: number): MonoMs {
  return value as MonoMs;
}

/** Brands a wall-clock reading. */
export function epochMs(value: number): EpochMs {
  return value as EpochMs;
}

/** The instant `delayMs` after `from`. */
export function after(from: MonoMs, delayMs: number): MonoMs {
  return (from + delayMs) as MonoMs;
}
