// Brings a message's head into the one form that every later reader reads: no folding, no tabs, single spaces outside
// quoted strings, none before a colon or at the end of a line, full header names. Most heads are canonical as they
// come (head-scan.ts sees that in passing); only the others pay for this.
import { QUOTE, SPACE, TAB, TOKEN, skipClass, skipQuoted } from './characters.ts';
import { expandedName } from './header-names.ts';

export interface CanonicalHead {
  /** Start line and headers, each ended by CRLF. Holds no control characters but those CRLFs. */
  readonly text: string;
  /** What the head did that no canonical form excuses; null when nothing. */
  readonly problem: string | null;
}

/**
 * Rewrites a head.
 * @param head start line and headers as received, latin1, ended by the CRLF of the last line.
 * A stray CR or LF and control characters become spaces, so that an error answer may copy any header safely; they
 * are named in `problem` all the same, and the message is refused.
 */
export function canonicalHead(head: string): CanonicalHead {
  const lines = unfolded(head);
  let problem = lines.problem;
  // The start line has exactly two single spaces, so nothing is collapsed there.
  let text = `${lines.values[0] ?? ''}\r\n`;
  for (let i = 1; i < lines.values.length; i += 1) {
    const line = lines.values[i] ?? '';
    const codes = Buffer.from(line, 'latin1');
    const nameEnd = skipClass(codes, 0, codes.length, TOKEN);
    const colon = line.indexOf(':');
    // HCOLON allows white space before the colon; anything else there is no header line (RFC 3261 §25.1).
    if (nameEnd === 0 || colon < nameEnd || trimmed(line.slice(nameEnd, colon)) !== '') {
      problem ??= 'A header line has no name and colon';
      continue;
    }
    text += `${expandedName(line.slice(0, nameEnd))}: ${singleSpaced(line.slice(colon + 1))}\r\n`;
  }
  return { text, problem };
}

/** Cuts the head at its CRLFs, joins folded lines (RFC 3261 §7.3.1) and replaces controls by spaces. */
function unfolded(head: string): {
  readonly values: readonly string[];
  readonly problem: string | null;
} {
  const values: string[] = [];
  let parts: string[] = [];
  let problem: string | null = null;
  for (const line of head.slice(0, -2).split('\r\n')) {
    const clean = withoutControls(line);
    if (clean !== line)
      problem ??= 'A control character, a bare CR or a bare LF stands in the head';
    const isFold = line.startsWith(' ') || line.startsWith('\t');
    if (isFold && parts.length > 0) {
      if (values.length === 0) problem ??= 'The start line is folded';
      parts.push(trimmed(clean));
      continue;
    }
    // A fold is one space, also inside a quoted string (LWS of RFC 3261 §25.1).
    if (parts.length > 0) values.push(parts.join(' '));
    parts = [clean];
  }
  values.push(parts.join(' '));
  return { values, problem };
}

/** Without spaces and tabs at its ends. Not String.trim, which would eat bytes of UTF-8 that look like spaces. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Controls but tabs, which are legal white space, become spaces. */
function withoutControls(line: string): string {
  return line.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, ' ');
}

/** Trims, makes tabs spaces, and collapses runs of spaces outside closed quoted strings. */
function singleSpaced(value: string): string {
  const text = trimmed(value.replaceAll('\t', ' '));
  if (!text.includes('  ')) return text;
  if (!text.includes('"')) return text.replace(/ {2,}/g, ' ');
  const codes = Buffer.from(text, 'latin1');
  let result = '';
  let from = 0;
  for (let i = 0; i < codes.length; i += 1) {
    if (codes[i] !== QUOTE) continue;
    const after = skipQuoted(codes, i, codes.length);
    if (after < 0) break;
    result += text.slice(from, i).replace(/ {2,}/g, ' ') + text.slice(i, after);
    from = after;
    i = after - 1;
  }
  return result + text.slice(from).replace(/ {2,}/g, ' ');
}
