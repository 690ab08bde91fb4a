// Reads the value of an authentication header: a scheme and comma-separated parameters (RFC 3261 §25.1, RFC 7616).
// Our own, because the package's reader is quadratic and keeps what it read in a plain object.

export interface AuthValue {
  /** Lower case: `digest`, … */
  readonly scheme: string;
  /** Lower-case names; values unquoted. */
  readonly params: ReadonlyMap<string, string>;
}

/** More than any challenge needs. */
const PARAMETERS_MAX = 32;

/** One parameter and what parts it from the next; sticky, and linear: no part can match another's characters. */
const PARAMETER = / ?([\w!%*+.`'~-]+) ?= ?(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s",]+)) ?(,|$)/y;

/**
 * Reads one challenge or one set of credentials.
 * @returns null when the value is malformed, names a parameter twice, or has more of them than any standard.
 */
export function parseAuthValue(value: string): AuthValue | null {
  const space = value.indexOf(' ');
  if (space <= 0) return null;
  const params = new Map<string, string>();
  PARAMETER.lastIndex = space + 1;
  while (PARAMETER.lastIndex < value.length) {
    const match = PARAMETER.exec(value);
    if (match === null || params.size === PARAMETERS_MAX) return null;
    const name = (match[1] ?? '').toLowerCase();
    if (params.has(name)) return null;
    params.set(name, match[2] === undefined ? (match[3] ?? '') : match[2].replace(/\\(.)/g, '$1'));
    if (match[4] === '') break;
  }
  return { scheme: value.slice(0, space).toLowerCase(), params };
}

/** Text of the wire, one character a byte, as the UTF-8 it is: the form in which names and passwords are hashed. */
export function wireToText(wire: string): string {
  return Buffer.from(wire, 'latin1').toString('utf8');
}

/** Writes text as a quoted-string; quotes and backslashes escaped (RFC 3261 §25.1). */
export function quotedString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
