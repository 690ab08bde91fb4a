// Expected outcomes as values. A thrown exception means a broken promise of our own code.

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Err<E> {
  readonly ok: false;
  readonly error: E;
}

export type Result<T, E> = Ok<T> | Err<E>;

/** Wraps a success. */
export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

/** Wraps an expected failure. */
export function err<E>(error: E): Err<E> {
  return { ok: false, error };
}

/** Ends an exhaustive switch: compiles only when every variant is handled, throws when types lied. */
export function neverReached(value: never): never {
  throw new Error(`unhandled variant: ${JSON.stringify(value)}`);
}
