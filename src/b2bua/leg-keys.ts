// SRTP by SDES (RFC 4568) on one leg: what we offer, answer and accept under its trunk's rule, and what the engine is told
// of it. Keys are drawn from the B2BUA's own chance, never shown, and kept for as long as the peer keeps its own.
import type { CodedError, Random, Result } from '../base/index.ts';
import { ok } from '../base/index.ts';
import type { SrtpPolicy } from '../config/index.ts';
import type { EngineOrder, SrtpSuite } from '../engine/index.ts';
import type { AgreedCrypto, AudioDescription, CryptoLine, CryptoSuite } from '../sip/index.ts';
import { acceptCrypto, answerCrypto, offerCryptos } from '../sip/index.ts';

/** What a `setKeys` order says beyond whom it is for. */
export type KeySetting = Omit<
  Extract<EngineOrder, { readonly kind: 'setKeys' }>,
  'kind' | 'order' | 'endpoint'
>;

/** Plain RTP. */
export const NO_KEYS: KeySetting = { suite: 'off', keys: null };

/** Engine's word for each suite; all that are known are taken from a peer. */
const SUITES: Readonly<Record<CryptoSuite, SrtpSuite>> = {
  AES_CM_128_HMAC_SHA1_80: 'aesCm128Tag80',
  AES_CM_128_HMAC_SHA1_32: 'aesCm128Tag32',
  AEAD_AES_128_GCM: 'aeadAes128Gcm',
  AEAD_AES_256_GCM: 'aeadAes256Gcm',
};
const ACCEPTED = Object.keys(SUITES) as readonly CryptoSuite[];

/**
 * What we offer ourselves: first the suite that everyone must have (RFC 4568 §6.2), since some equipment reads no further
 * than the first line. A tag of 32 bits stands last: it is for gateways that have nothing else.
 */
const OFFERED: readonly CryptoSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AEAD_AES_256_GCM',
  'AEAD_AES_128_GCM',
  'AES_CM_128_HMAC_SHA1_32',
];

/** `secureFirst`: a refusal can be followed by a plain offer. `asAgreed`: it can't, so `optional` stays with what stands. */
export type OfferStyle = 'secureFirst' | 'asAgreed';

/**
 * The keys of an offer; none for a plain one.
 * @param agreed what stands on the leg: its line is offered again, so that key and rollover counter go on.
 */
export function keysToOffer(
  rule: SrtpPolicy,
  style: OfferStyle,
  { agreed, random }: { readonly agreed: AgreedCrypto | null; readonly random: Random },
): readonly CryptoLine[] {
  if (agreed !== null) return [agreed.ours];
  const secure = rule === 'required' || (rule === 'optional' && style === 'secureFirst');
  return secure ? offerCryptos(OFFERED, random) : [];
}

/**
 * The keys that answer a peer's offer; null for a plain one.
 * @param agreed what stood on the leg before: our key stays while the suite does.
 * @returns SRTP_NOT_SHARED when no suite of the offer is ours.
 */
export function keysToAnswer(
  offer: AudioDescription,
  agreed: AgreedCrypto | null,
  random: Random,
): Result<AgreedCrypto | null, CodedError> {
  if (offer.cryptos.length === 0) return ok(null);
  const offered = offer.cryptos;
  return answerCrypto({ offered, allowedSuites: ACCEPTED, previous: agreed, random });
}

/** What a peer's answer makes of our offer; null for a plain one. SRTP_NOT_SHARED as acceptCrypto. */
export function keysAccepted(
  sent: AudioDescription,
  answer: AudioDescription,
): Result<AgreedCrypto | null, CodedError> {
  return sent.cryptos.length === 0 ? ok(null) : acceptCrypto(sent.cryptos, answer.cryptos);
}

/** For the engine: each direction under the key of who sends. */
export function keySetting(agreed: AgreedCrypto | null): KeySetting {
  if (agreed === null) return NO_KEYS;
  const { ours, theirs } = agreed;
  const { key, salt, mki } = ours;
  return {
    suite: SUITES[ours.suite],
    keys: {
      send: { key, salt, mki },
      receive: { key: theirs.key, salt: theirs.salt, mki: theirs.mki },
    },
  };
}

/** Whether two agreements are one to the engine, which goes on counting then. */
export function sameKeys(one: AgreedCrypto | null, other: AgreedCrypto | null): boolean {
  if (one === null || other === null) return one === other;
  return sameLine(one.ours, other.ours) && sameLine(one.theirs, other.theirs);
}

function sameLine(one: CryptoLine, other: CryptoLine): boolean {
  return (
    one.suite === other.suite &&
    Buffer.compare(one.key, other.key) === 0 &&
    Buffer.compare(one.salt, other.salt) === 0 &&
    Buffer.compare(one.mki, other.mki) === 0
  );
}
