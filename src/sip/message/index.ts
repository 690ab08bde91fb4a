// The message room: from bytes to a typed message and back. Bytes are framed (streams), guarded and indexed in one
// pass, and only then read by the `sip` package behind its adapter. No sockets, no clock, no chance.
export { StreamFramer } from './frame.ts';
export type { FrameLimits, FrameOutput } from './frame.ts';
export { indexMessage } from './guard.ts';
export type { GuardResult } from './guard.ts';
export { detached, keepAnswerHead } from './index-message.ts';
export type { AnswerHead, MessageIndex, StartLine, TopVia } from './index-message.ts';
export {
  md5OfParts,
  md5Response,
  parseCount,
  parseMessage,
  parseUri,
  writeRequest,
  writeResponse,
} from './adapter.ts';
export { parseNameAddr } from './name-addr.ts';
export { splitList } from './parameters.ts';
export { quotedText, safeText } from './header-text.ts';
export { readReason } from './reason.ts';
export type { Reason } from './reason.ts';
export { reasonPhrase } from './reason-phrases.ts';
