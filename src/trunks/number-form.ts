// What was dialled, in one form: from the user part of a SIP URI or from a tel: URI (RFC 3261 §19.1, RFC 3966).
//
// Numbers are digits with `*` and `#`; whether they were written in the global form (`+`) is kept beside them. Anything
// else, such as `echo` or `alice.smith`, is a name and stays as it is.

/** A dialled number or name. */
export type Dialled =
  | {
      readonly kind: 'number';
      /** 1 to 64 of `0-9*#`. */
      readonly digits: string;
      /** Written with `+`, or local to a `phone-context` that is a `+` prefix (RFC 3966 §5.1.5). */
      readonly global: boolean;
    }
  | { readonly kind: 'name'; readonly name: string };

/** Longer than any number in use, so that routing work is bounded whatever is dialled. */
export const DIGITS_MAX = 64;

const PLUS = 0x2b;

/**
 * Reads what was dialled.
 * @param text the user part of a sip: or sips: URI as written (with its escapes and parameters), or a whole tel: URI.
 * @returns a number without visual separators (`-.()`, and spaces), or the name with escapes resolved. Total: any text is one of the two.
 */
export function readDialled(text: string): Dialled {
  const bare = /^tel:/i.test(text) ? text.slice(4) : text;
  const [subscriber = '', ...params] = bare.split(';');
  const unescaped = unescape(subscriber);
  const number = readNumber(unescaped);
  if (number === null) return { kind: 'name', name: unescaped };
  if (number.global) return number;
  const context = readContext(params);
  if (context === null || context.length + number.digits.length > DIGITS_MAX) return number;
  return { kind: 'number', digits: context + number.digits, global: true };
}

/** The dialled text to write or show: `+` and digits, the digits, or the name. */
export function dialledText(dialled: Dialled): string {
  if (dialled.kind === 'name') return dialled.name;
  return dialled.global ? `+${dialled.digits}` : dialled.digits;
}

function readNumber(text: string): Extract<Dialled, { kind: 'number' }> | null {
  const global = text.charCodeAt(0) === PLUS;
  const digits = text.slice(global ? 1 : 0).replace(/[-.() ]/g, '');
  return digits.length <= DIGITS_MAX && /^[0-9*#]+$/.test(digits)
    ? { kind: 'number', digits, global }
    : null;
}

/** The digits of a `phone-context=+…`; null without one, or when it is a domain. */
function readContext(params: readonly string[]): string | null {
  for (const param of params) {
    const equals = param.indexOf('=');
    if (equals < 0 || param.slice(0, equals).toLowerCase() !== 'phone-context') continue;
    const context = readNumber(unescape(param.slice(equals + 1)));
    return context !== null && context.global ? context.digits : null;
  }
  return null;
}

/** Resolves %HH of printable ASCII; other escapes stay, since they are part of a name nobody dials by accident. */
function unescape(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([2-7][0-9a-fA-F])/g, (escape, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code === 0x7f ? escape : String.fromCharCode(code);
  });
}
