// One `a=crypto` line (RFC 4568 §9): the key that its writer will send under, and how. A reason never quotes key text,
// as reasons are logged.
import type { CryptoLine, CryptoSuite, SrtpKey } from './types.ts';

interface SuiteShape {
  readonly keyBytes: number;
  readonly saltBytes: number;
}

/** RFC 4568 §6.2, RFC 7714 §14.1. */
const SUITES: Readonly<Record<CryptoSuite, SuiteShape>> = {
  AEAD_AES_128_GCM: { keyBytes: 16, saltBytes: 12 },
  AEAD_AES_256_GCM: { keyBytes: 32, saltBytes: 12 },
  AES_CM_128_HMAC_SHA1_80: { keyBytes: 16, saltBytes: 14 },
  AES_CM_128_HMAC_SHA1_32: { keyBytes: 16, saltBytes: 14 },
};
const SUITE_NAMES = new Map(
  (Object.keys(SUITES) as CryptoSuite[]).map((suite) => [suite.toLowerCase(), suite]),
);

const LINE = /^(\d{1,9})[ \t]+([A-Za-z0-9_]+)[ \t]+(\S+)(?:[ \t]+(\S.*))?$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const LIFETIME = /^(2\^)?(\d{1,15})$/;
const MKI = /^(\d{1,10}):(\d{1,3})$/;
const LIFETIME_PACKETS_MAX = 2 ** 48;
/** What the engine carries; RFC 4568 §6.1 allows 128. */
const MKI_BYTES_MAX = 4;
const WINDOW_HINT = /^WSH=\d{2,5}$/;
const NO_DERIVATION = /^KDR=0$/;

/** A line that could be read and used, or why not. */
export type CryptoReading =
  | { readonly kind: 'usable'; readonly crypto: CryptoLine }
  | { readonly kind: 'unusable'; readonly reason: string };

const unusable = (reason: string): CryptoReading => ({ kind: 'unusable', reason });

/** True for a name of ours; names compare without case, as some equipment writes them small. */
export function suiteOf(name: string): CryptoSuite | null {
  return SUITE_NAMES.get(name.toLowerCase()) ?? null;
}

/** Bytes of key and salt together: what to draw for a new key. */
export function keyMaterialBytes(suite: CryptoSuite): number {
  return SUITES[suite].keyBytes + SUITES[suite].saltBytes;
}

/** @param material key, then salt; exactly `keyMaterialBytes(suite)`, which is the caller's promise. */
export function srtpKey(suite: CryptoSuite, material: Uint8Array): SrtpKey {
  if (material.length !== keyMaterialBytes(suite))
    throw new Error(`${suite} needs ${keyMaterialBytes(suite)} bytes, got ${material.length}`);
  const { keyBytes } = SUITES[suite];
  // Copies, since a Buffer's slice would keep a view of its pool.
  return {
    key: new Uint8Array(material.subarray(0, keyBytes)),
    salt: new Uint8Array(material.subarray(keyBytes)),
  };
}

/**
 * Reads the value of an `a=crypto` attribute.
 * @returns the line; or the reason why it can't be used: malformed, an unknown suite or key method, several keys, an
 * MKI longer than 4 bytes, or a session parameter that would change the packets (RFC 4568 §6.3: such a line counts as
 * a whole or not at all). `WSH`, `KDR=0` and parameters marked as ignorable by "-" are passed over. Pure.
 */
export function decodeCrypto(value: string): CryptoReading {
  const [, tagText, suiteText, keyParameters, sessionParameters] = LINE.exec(value) ?? [];
  if (tagText === undefined || suiteText === undefined || keyParameters === undefined)
    return unusable('is not "tag suite inline:..."');
  const suite = suiteOf(suiteText);
  if (suite === null) {
    // A key in the wrong place is base64, which has no underscore.
    const name = suiteText.includes('_') ? ` ${suiteText.slice(0, 40)}` : '';
    return unusable(`has an unknown suite${name}`);
  }
  const objection = objectionTo(sessionParameters);
  if (objection !== null) return unusable(objection);
  if (keyParameters.includes(';')) return unusable('has several keys');
  if (!/^inline:/i.test(keyParameters)) return unusable('has another key method than inline');
  return decodeKey(keyParameters.slice('inline:'.length), { tag: Number(tagText), suite });
}

/** `key-salt ["|" lifetime] ["|" MKI ":" length]`, RFC 4568 §6.1. */
function decodeKey(info: string, head: Pick<CryptoLine, 'tag' | 'suite'>): CryptoReading {
  const [keyText = '', ...rest] = info.split('|', 4);
  const material = decodeMaterial(keyText, head.suite);
  if (material === null)
    return unusable(`has no key of ${keyMaterialBytes(head.suite)} bytes in base64`);
  const lifetimeText = rest[0]?.includes(':') === false ? rest.shift() : undefined;
  const lifetimePackets = lifetimeText === undefined ? null : decodeLifetime(lifetimeText);
  if (lifetimeText !== undefined && lifetimePackets === null)
    return unusable('has a lifetime that is none of 1 to 2^48 packets');
  const mkiText = rest.shift();
  const mki = mkiText === undefined ? new Uint8Array(0) : decodeMki(mkiText);
  if (mki === null || rest.length > 0)
    return unusable(`has an MKI that does not fit 1 to ${MKI_BYTES_MAX} bytes`);
  return {
    kind: 'usable',
    crypto: { ...head, ...srtpKey(head.suite, material), lifetimePackets, mki },
  };
}

/** Exactly the suite's bytes; the padding may be left out (§6.1 discards it), bits behind the last byte may not be set. */
function decodeMaterial(text: string, suite: CryptoSuite): Uint8Array | null {
  if (!BASE64.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  const whole = bytes.toString('base64');
  if (bytes.length !== keyMaterialBytes(suite)) return null;
  return text === whole || text === whole.replace(/=+$/, '') ? new Uint8Array(bytes) : null;
}

function decodeLifetime(text: string): number | null {
  const [, power, digits] = LIFETIME.exec(text) ?? [];
  if (digits === undefined) return null;
  const packets = power === undefined ? Number(digits) : 2 ** Math.min(Number(digits), 99);
  return packets >= 1 && packets <= LIFETIME_PACKETS_MAX ? packets : null;
}

function decodeMki(text: string): Uint8Array | null {
  const [, value, length] = MKI.exec(text) ?? [];
  const bytes = Number(length);
  if (value === undefined || !(bytes >= 1 && bytes <= MKI_BYTES_MAX)) return null;
  if (Number(value) >= 2 ** (8 * bytes)) return null;
  const mki = Buffer.alloc(bytes);
  mki.writeUIntBE(Number(value), 0, bytes);
  return new Uint8Array(mki);
}

function objectionTo(parameters: string | undefined): string | null {
  for (const parameter of parameters?.split(/[ \t]+/) ?? []) {
    const known = WINDOW_HINT.test(parameter) || NO_DERIVATION.test(parameter);
    if (!known && !parameter.startsWith('-'))
      return `asks for ${parameter.slice(0, 40).replace(/[^ -~]/g, '?')}`;
  }
  return null;
}

/** The value of the attribute. No lifetime: ours is the suite's, 2^48 packets. */
export function cryptoText({ tag, suite, key, salt, mki }: CryptoLine): string {
  const text = Buffer.concat([key, salt]).toString('base64');
  const named =
    mki.length === 0 ? '' : `|${Buffer.from(mki).readUIntBE(0, mki.length)}:${mki.length}`;
  return `${tag} ${suite} inline:${text}${named}`;
}
