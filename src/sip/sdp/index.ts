// Session descriptions: parse, write, and the offer/answer of a B2BUA that anchors media. Pure.
export type * from './types.ts';
export { SDP_LIMITS } from './limits.ts';
export { parseSdp } from './parse.ts';
export { writeSdp } from './write.ts';
export { describeMedia, readAudio, readAudioText } from './audio.ts';
export {
  anchoredAnswer,
  anchoredOffer,
  answerDirection,
  decodedHere,
  ownAnswer,
  ownOffer,
  sharedCodecs,
} from './offer-answer.ts';
export { fitsBeside, insideOf, isAudio, isEvents, otherLaw, sameCodec } from './codecs.ts';
export { audioClockRates, payloadMaps, receivableCodecs } from './payload-maps.ts';
export { cryptoText, decodeCrypto, type CryptoReading } from './crypto.ts';
export { acceptCrypto, answerCrypto, offerCryptos, type CryptoAnswerOptions } from './srtp.ts';
