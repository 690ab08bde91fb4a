// Reads a Reason value (RFC 3326 §2): a protocol and its parameters. Character by character, since whoever may hang up chooses
// this text: an expression that tries each space on either side of a semicolon needs 2^n steps for n of them.
import { TOKEN, isAllOf } from './characters.ts';

export interface Reason {
  /** Upper case: `Q.850`, `SIP`, `PREEMPTION`, … */
  readonly protocol: string;
  /** The value of the first `cause`, a run of digits as written; null when it is anything else, or missing. */
  readonly cause: string | null;
  /** Whether all of it is by the grammar. Peers leave quotes out round text, so the cause is read without that. */
  readonly isStrict: boolean;
}

/**
 * Reads one value, without the comma that parts it from the next. Linear in its length.
 * @returns null when it is none: the protocol is no token, or a quoted string isn't closed.
 */
export function readReason(text: string): Reason | null {
  const [protocol = '', ...parameters] = partsOf(text) ?? [];
  if (!isAllOf(protocol, TOKEN)) return null;
  const pairs = parameters.map(pairOf);
  const cause = pairs.find(({ name }) => name.toLowerCase() === 'cause')?.value ?? null;
  return {
    protocol: protocol.toUpperCase(),
    cause: cause !== null && isDigits(cause) ? cause : null,
    isStrict: pairs.every(isByGrammar),
  };
}

/** The parts between the semicolons outside quoted strings, trimmed; null when a quoted string isn't closed. */
function partsOf(text: string): readonly string[] | null {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (isQuoted && char === '\\') i += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === ';' && !isQuoted) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  if (isQuoted) return null;
  parts.push(text.slice(start).trim());
  return parts;
}

interface Pair {
  readonly name: string;
  /** As written; null for a flag. */
  readonly value: string | null;
}

function pairOf(part: string): Pair {
  const at = part.indexOf('=');
  if (at < 0) return { name: part, value: null };
  return { name: part.slice(0, at).trim(), value: part.slice(at + 1).trim() };
}

function isByGrammar({ name, value }: Pair): boolean {
  return isAllOf(name, TOKEN) && (value === null || isAllOf(value, TOKEN) || isQuotedString(value));
}

/** Whether quotes stand at both ends and nowhere between; pairs are closed already. */
function isQuotedString(value: string): boolean {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return false;
  for (let i = 1; i < value.length - 1; i += 1) {
    if (value[i] === '\\') i += 1;
    else if (value[i] === '"') return false;
  }
  return true;
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text);
}
