// What a party says about its audio: codecs of its own, encrypted or not, in its own numbers.
import type { Random } from '../../src/base/index.ts';
import type { AgreedCrypto, AudioCodec, CodecName, CryptoSuite } from '../../src/sip/index.ts';
import {
  acceptCrypto,
  answerCrypto,
  cryptoText,
  fitsBeside,
  insideOf,
  isAudio,
  isEvents,
  offerCryptos,
  readAudioText,
} from '../../src/sip/index.ts';

/** Whether a party encrypts: not at all, when it's asked to, or always. */
export type Secrecy = 'never' | 'can' | 'always';

export interface MediaTraits {
  /** In its order of preference; events too. */
  readonly codecs: readonly CodecName[];
  readonly secrecy: Secrecy;
}

/** What anyone has had for thirty years. */
export const PLAIN_OLD: MediaTraits = {
  codecs: ['PCMU', 'PCMA', 'telephone-event'],
  secrecy: 'never',
};

/** What parties know of encryption: each knows one of these lists. */
const SUITES: readonly (readonly CryptoSuite[])[] = [
  ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_128_GCM'],
  ['AEAD_AES_256_GCM'],
];

const OWN: Readonly<Record<CodecName, AudioCodec>> = {
  PCMU: { name: 'PCMU', payloadType: 0, clockRateHz: 8_000, channels: 1, fmtp: null },
  PCMA: { name: 'PCMA', payloadType: 8, clockRateHz: 8_000, channels: 1, fmtp: null },
  G722: { name: 'G722', payloadType: 9, clockRateHz: 8_000, channels: 1, fmtp: null },
  opus: { name: 'opus', payloadType: 111, clockRateHz: 48_000, channels: 2, fmtp: null },
  CN: { name: 'CN', payloadType: 13, clockRateHz: 8_000, channels: 1, fmtp: null },
  // Of PCMU, whose number it names.
  red: { name: 'red', payloadType: 121, clockRateHz: 8_000, channels: 1, fmtp: 'PCMU/PCMU' },
  'telephone-event': {
    name: 'telephone-event',
    payloadType: 101,
    clockRateHz: 8_000,
    channels: 1,
    fmtp: null,
  },
};

/** A party's media in one call. */
export class PartyMedia {
  readonly #host: string;
  readonly #traits: MediaTraits;
  readonly #random: Random;
  readonly #suites: readonly CryptoSuite[];
  #agreed: AgreedCrypto | null = null;
  #offered: ReturnType<typeof offerCryptos> = [];

  constructor(host: string, traits: MediaTraits, random: Random) {
    this.#host = host;
    this.#traits = traits;
    this.#random = random;
    this.#suites = SUITES[Math.floor(random.draw() * SUITES.length)] ?? [];
  }

  offer(direction: string): Buffer {
    const isSecure = this.#traits.secrecy === 'always' || this.#agreed !== null;
    const fresh = isSecure ? offerCryptos(this.#suites, this.#random) : [];
    this.#offered = this.#agreed === null ? fresh : [this.#agreed.ours];
    const codecs = this.#traits.codecs.map((name) => OWN[name]);
    return this.#describe(codecs, direction, this.#offered.map(cryptoText));
  }

  /** What came of its own offer. */
  take(answer: Buffer): void {
    const read = readAudioText(answer, this.#offered.length > 0 ? 'required' : 'off');
    if (!read.ok || this.#offered.length === 0) return;
    const accepted = acceptCrypto(this.#offered, read.value.cryptos);
    if (accepted.ok) this.#agreed = accepted.value;
  }

  /** @param only of its audio this alone, as one fork of several may. @returns null when it can't take the offer. */
  answer(offer: Buffer, direction: string, only: CodecName | null = null): Buffer | null {
    const read = readAudioText(offer, 'optional');
    if (!read.ok || read.value.rejected) return null;
    const { secrecy, codecs } = this.#traits;
    const { cryptos } = read.value;
    if (cryptos.length > 0 ? secrecy === 'never' : secrecy === 'always') return null;
    const shared = read.value.codecs.filter(({ name }) => codecs.includes(name));
    const taken = shared.filter(
      ({ name }) => only === null || name === only || name === 'telephone-event',
    );
    const all = taken.some(isAudio) ? taken : shared;
    if (!all.some(isAudio)) return null;
    const chosen = all.filter(
      (codec) => isAudio(codec) || isEvents(codec) || fitsBeside(codec, all),
    );
    if (cryptos.length === 0) {
      this.#agreed = null;
      return this.#describe(chosen, direction, []);
    }
    const agreed = answerCrypto({
      offered: cryptos,
      allowedSuites: this.#suites,
      previous: this.#agreed,
      random: this.#random,
    });
    if (!agreed.ok) return null;
    this.#agreed = agreed.value;
    return this.#describe(chosen, direction, [cryptoText(agreed.value.ours)]);
  }

  /** The stream refused: what is left to say when an offer can't be taken any other way. */
  refusal(): Buffer {
    const text = this.#describe([OWN.PCMU], 'inactive', []).toString('latin1');
    return Buffer.from(text.replace('m=audio 40000', 'm=audio 0'), 'latin1');
  }

  #describe(codecs: readonly AudioCodec[], direction: string, keys: readonly string[]): Buffer {
    const host = this.#host;
    const formats = codecs.map(({ payloadType }) => payloadType).join(' ');
    const lines = [
      'v=0',
      `o=- 1 1 IN IP4 ${host}`,
      's=-',
      `c=IN IP4 ${host}`,
      't=0 0',
      `m=audio 40000 RTP/${keys.length > 0 ? 'S' : ''}AVP ${formats}`,
      ...codecs.map(
        ({ payloadType, name, clockRateHz, channels }) =>
          `a=rtpmap:${payloadType} ${name}/${clockRateHz}${channels === 2 ? '/2' : ''}`,
      ),
      ...codecs
        .filter(({ name }) => name === 'red')
        .map((red) => {
          const inside = insideOf(red, codecs)?.payloadType ?? '';
          return `a=fmtp:${red.payloadType} ${inside}/${inside}`;
        }),
      ...keys.map((key) => `a=crypto:${key}`),
      `a=${direction}`,
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
  }
}
