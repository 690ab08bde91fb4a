// Digest authentication, both sides, as pure functions and one small state (RFC 3261 §22, RFC 7616, RFC 8760).
export { DigestServer } from './digest-server.ts';
export type { DigestFailure, DigestServerOptions, Ha1Lookup } from './digest-server.ts';
export { digestAnswer, pickChallenge, readChallenge } from './digest-client.ts';
export type { Challenge, DigestCredentials, DigestRequest } from './digest-client.ts';
export { computeHa1 } from './digest-hash.ts';
export type { DigestAlgorithm, Ha1ByAlgorithm } from './digest-hash.ts';
