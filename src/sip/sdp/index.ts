// Session descriptions: parse, write, and the offer/answer of a B2BUA that anchors media. Pure.
import type { CodedError, Result } from '../../base/index.ts';
import type {
  AnchoredAnswerOptions,
  AnchoredOfferOptions,
  AnchoredSdp,
  AudioDescription,
  MediaDescription,
  NegotiatedSide,
  OwnAnswerOptions,
  OwnOfferOptions,
  PayloadMaps,
  Sdp,
} from './types.ts';

export type * from './types.ts';

export declare function parseSdp(text: string | Buffer): Result<Sdp, CodedError>;
export declare function writeSdp(sdp: Sdp): string;
export declare function describeMedia(sdp: Sdp, index: number): Result<MediaDescription, CodedError>;
export declare function readAudio(sdp: Sdp): Result<AudioDescription, CodedError>;
export declare function readAudioText(text: string | Buffer): Result<AudioDescription, CodedError>;
export declare function anchoredOffer(options: AnchoredOfferOptions): Result<AnchoredSdp, CodedError>;
export declare function anchoredAnswer(options: AnchoredAnswerOptions): Result<AnchoredSdp, CodedError>;
export declare function ownOffer(options: OwnOfferOptions): Result<AnchoredSdp, CodedError>;
export declare function ownAnswer(options: OwnAnswerOptions): Result<AnchoredSdp, CodedError>;
export declare function payloadMaps(a: NegotiatedSide, b: NegotiatedSide): PayloadMaps;
