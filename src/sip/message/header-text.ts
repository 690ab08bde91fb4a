// Text that goes into a header: made safe before it is written, so that no value can add a line (header injection).

/** Makes outside text safe as a header value: each run of control characters becomes one space, ends trimmed. */
export function safeText(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}

/** Writes text as a quoted-string (RFC 3261 §25.1): safe text with quotes and backslashes escaped. */
export function quotedText(text: string): string {
  return `"${safeText(text).replace(/["\\]/g, '\\$&')}"`;
}
