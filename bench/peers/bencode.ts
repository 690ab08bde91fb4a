// Bencode, the text form of rtpengine's control protocol: byte strings, integers, lists, dictionaries. As much of it as
// SDP exchange needs; strings are text in UTF-8.

export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

/** Writes a value. Keys of a dictionary come sorted, as the format demands. */
export function encodeBencode(value: Bencoded): string {
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
    return `i${value}e`;
  }
  if (isList(value)) return `l${value.map(encodeBencode).join('')}e`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `d${entries.map(([key, entry]) => encodeBencode(key) + encodeBencode(entry)).join('')}e`;
}

/**
 * Reads one value that fills the bytes.
 * @throws SyntaxError for anything else.
 */
export function decodeBencode(bytes: Buffer): Bencoded {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (!reader.atEnd) throw new SyntaxError('something follows the value');
  return value;
}

function isList(value: Bencoded): value is readonly Bencoded[] {
  return Array.isArray(value);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(): Bencoded {
    const head = this.#bytes.toString('latin1', this.#at, this.#at + 1);
    if (head === 'i') {
      this.#at += 1;
      return this.#integerUntil('e');
    }
    if (head === 'l') return this.#until(() => this.value());
    if (head === 'd')
      return Object.fromEntries(this.#until(() => [this.#string(), this.value()] as const));
    return this.#string();
  }

  #until<T>(read: () => T): T[] {
    const values: T[] = [];
    for (this.#at += 1; this.#bytes[this.#at] !== 0x65;) {
      if (this.#at >= this.#bytes.length) throw new SyntaxError('a list or dictionary has no end');
      values.push(read());
    }
    this.#at += 1;
    return values;
  }

  #string(): string {
    const length = this.#integerUntil(':');
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw new SyntaxError('a string has no end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }

  #integerUntil(mark: ':' | 'e'): number {
    const end = this.#bytes.indexOf(mark, this.#at);
    const digits = this.#bytes.toString('latin1', this.#at, Math.max(end, this.#at));
    if (end === -1 || !/^(0|-?[1-9]\d*)$/.test(digits))
      throw new SyntaxError(`no integer at byte ${this.#at}`);
    this.#at = end + 1;
    return Number(digits);
  }
}
