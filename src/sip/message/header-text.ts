// Text that goes into a header: made safe before it is written, so that no value can add a line (header injection).
// Received text is latin1, one character a byte, so UTF-8 passes through unchanged; text of our own may be any Unicode.
import { CR, LF, SPACE, TOKEN, URI, isAllOf } from './characters.ts';

/** Makes outside text safe as a header value: each run of control characters becomes one space, ends trimmed. */
export function safeText(text: string): string {
  return trimmed(text.replace(/[\x00-\x1f\x7f]+/g, ' '));
}

/** Without the spaces at both ends. By position: an expression for those at the end tries every run of spaces before them. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === SPACE) start += 1;
  while (end > start && text.charCodeAt(end - 1) === SPACE) end -= 1;
  return text.slice(start, end);
}

/** Writes text as a quoted-string (RFC 3261 §25.1): safe text with quotes and backslashes escaped. */
export function quotedText(text: string): string {
  return `"${safeText(text).replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The form in which text goes out: one character a byte. Unicode beyond latin1 becomes its UTF-8 bytes; without
 * this step a character such as U+010D would be cut to the byte 0x0D, a line end.
 */
function bytesText(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) > 0xff) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

/**
 * Checks a value that is about to be written.
 * @throws on CR, LF or NUL: whoever built the value took text from outside without safeText.
 */
export function writableValue(value: string): string {
  const text = bytesText(value);
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === CR || code === LF || code === 0)
      throw new Error('a header value to be written holds CR, LF or NUL');
  }
  return text;
}

/** Checks a header name, method or tag that is about to be written. @throws when it isn't a token. */
export function writableToken(name: string): string {
  if (!isAllOf(name, TOKEN))
    throw new Error(`not a token, so it can't be written: ${JSON.stringify(name.slice(0, 40))}`);
  return name;
}

/** Checks a Request-URI that is about to be written. @throws when it has a character that no URI may have. */
export function writableUri(uri: string): string {
  if (!isAllOf(uri, URI))
    throw new Error(`not a URI, so it can't be written: ${JSON.stringify(uri.slice(0, 40))}`);
  return uri;
}
