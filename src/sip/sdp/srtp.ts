// SRTP by SDES (RFC 4568): which streams may be used under a trunk's rule, and offer and answer of `a=crypto`. Each side
// names the key it sends under; the answer takes over tag and suite of the line that it chose.
import { err, ok, type CodedError, type Random, type Result } from '../../base/index.ts';
import { decodeCrypto, keyMaterialBytes, srtpKey } from './crypto.ts';
import type { AgreedCrypto, CryptoLine, CryptoSuite, SdpAttribute, SrtpRule } from './types.ts';

const PLAIN: ReadonlySet<string> = new Set(['RTP/AVP', 'RTP/AVPF']);
const SECURE: ReadonlySet<string> = new Set(['RTP/SAVP', 'RTP/SAVPF']);
/** More lines than this are not read: equipment offers up to about ten. */
const CRYPTOS_MAX = 16;

/** True for RTP that SRTP protects with keys from the description. */
export function isSecureProto(proto: string): boolean {
  return SECURE.has(proto.toUpperCase());
}

/** True for RTP that SRTP protects, wherever the keys come from (RFC 5764 §8 has them from DTLS). */
export function isEncrypted(proto: string): boolean {
  return /\/SAVPF?$/i.test(proto);
}

/** The protocol of an `m=` line with SRTP or without it, as an offer of ours needs; feedback (the F) stays. */
export function withSecurity(proto: string, secure: boolean): string {
  if (isSecureProto(proto) === secure) return proto;
  return `RTP/${secure ? 'S' : ''}AVP${proto.toUpperCase().endsWith('F') ? 'F' : ''}`;
}

/** Keys of a section as far as we can use them, in its writer's order of preference, and why not the others. */
export interface SectionCryptos {
  readonly cryptos: readonly CryptoLine[];
  readonly reasons: readonly string[];
}

/** Reads every `a=crypto` of a section. Of a tag that stands twice the first counts (RFC 4568 §4.1: tags are unique). */
export function sectionCryptos(attributes: readonly SdpAttribute[]): SectionCryptos {
  const cryptos: CryptoLine[] = [];
  const reasons: string[] = [];
  const lines = attributes.filter(({ name }) => name === 'crypto');
  for (const { value } of lines.slice(0, CRYPTOS_MAX)) {
    const reading = decodeCrypto(value ?? '');
    if (reading.kind === 'unusable') reasons.push(`a=crypto ${reading.reason}`);
    else if (cryptos.some(({ tag }) => tag === reading.crypto.tag))
      reasons.push(`a=crypto has the tag ${reading.crypto.tag} again`);
    else cryptos.push(reading.crypto);
  }
  return { cryptos, reasons };
}

/** Why a live audio section can't be used under a rule; null when it can. */
export function securityRefusal(
  proto: string,
  attributes: readonly SdpAttribute[],
  rule: SrtpRule,
): string | null {
  if (PLAIN.has(proto.toUpperCase()))
    return rule === 'required' ? `audio over ${proto} is not encrypted` : null;
  if (!isSecureProto(proto) || rule === 'off')
    return `audio over ${proto} is not supported, only ${rule === 'required' ? 'RTP/SAVP' : 'plain RTP/AVP'}`;
  const { cryptos, reasons } = sectionCryptos(attributes);
  if (cryptos.length > 0) return null;
  return reasons.length > 0 ? reasons.join(', ') : `audio over ${proto} has no a=crypto`;
}

/**
 * The lines of an offer: one a suite, tags from 1, each with a key of its own (a key never serves two lines, RFC 4568
 * §6.1). On a re-offer hand in the agreed line instead, so that key and rollover counter stay.
 * @param suites in order of preference, each once.
 */
export function offerCryptos(
  suites: readonly CryptoSuite[],
  random: Random,
): readonly CryptoLine[] {
  return suites.map((suite, index) => newCrypto(suite, index + 1, random));
}

function newCrypto(suite: CryptoSuite, tag: number, random: Random): CryptoLine {
  const material = Buffer.from(random.hex(keyMaterialBytes(suite)), 'hex');
  return { tag, suite, ...srtpKey(suite, material), lifetimePackets: null, mki: new Uint8Array(0) };
}

export interface CryptoAnswerOptions {
  /** The offer's usable lines in its order. */
  readonly offered: readonly CryptoLine[];
  readonly allowedSuites: readonly CryptoSuite[];
  /** What was agreed on this leg before; null on its first exchange. Our key stays while the suite does. */
  readonly previous: AgreedCrypto | null;
  readonly random: Random;
}

/**
 * Chooses the offer's first line of an allowed suite (RFC 4568 §5.1.2) and answers it: same tag, same suite, our key,
 * and an MKI of the same length if theirs has one.
 * @returns both keys, `ours` being the line of the answer; or SRTP_NOT_SHARED naming both lists.
 */
export function answerCrypto(options: CryptoAnswerOptions): Result<AgreedCrypto, CodedError> {
  const { offered, allowedSuites, previous, random } = options;
  const theirs = offered.find(({ suite }) => allowedSuites.includes(suite));
  if (theirs === undefined) {
    const list = (suites: readonly string[]): string =>
      suites.length > 0 ? suites.join(', ') : 'none';
    const message = `no shared SRTP suite: offered are ${list(offered.map(({ suite }) => suite))}, allowed are ${list(allowedSuites)}`;
    return err({ code: 'SRTP_NOT_SHARED', message });
  }
  const { suite, tag } = theirs;
  const before = previous?.ours;
  const kept = before?.suite === suite && before.mki.length === theirs.mki.length ? before : null;
  const mki = new Uint8Array(theirs.mki.length);
  if (mki.length > 0) mki[mki.length - 1] = 1;
  const ours = kept === null ? { ...newCrypto(suite, tag, random), mki } : { ...kept, tag };
  return ok({ ours, theirs });
}

/**
 * What an answer makes of our offer (RFC 4568 §5.1.3).
 * @param sent the lines of our offer.
 * @param answered the answer's usable lines: exactly one, with tag and suite of one of ours.
 * @returns both keys, or SRTP_NOT_SHARED.
 */
export function acceptCrypto(
  sent: readonly CryptoLine[],
  answered: readonly CryptoLine[],
): Result<AgreedCrypto, CodedError> {
  const refused = (message: string): Result<never, CodedError> =>
    err({ code: 'SRTP_NOT_SHARED', message });
  const [theirs] = answered;
  if (theirs === undefined || answered.length > 1)
    return refused(`the answer has ${answered.length} usable a=crypto lines, one is due`);
  const ours = sent.find(({ tag }) => tag === theirs.tag);
  if (ours === undefined) return refused(`the answer chose the tag ${theirs.tag}, never offered`);
  if (ours.suite !== theirs.suite)
    return refused(`the answer has ${theirs.suite} under the tag of ${ours.suite}`);
  // Somebody who sends our own key back has copied our line: both directions would share a keystream.
  if (Buffer.compare(ours.key, theirs.key) === 0)
    return refused('the answer repeats the key of the offer');
  return ok({ ours, theirs });
}
