// The one catalogue of codes: what a peer is answered, whether a retry helps, and the sentence in docs/errors.md.

export interface ErrorEntry {
  /** SIP final status a peer sees; null when the code never reaches SIP. */
  readonly sip: number | null;
  /** ITU-T Q.850 cause (RFC 3326, RFC 8606); null when none fits. */
  readonly q850: number | null;
  /** Whether the same request may succeed later without a change. */
  readonly retry: boolean;
  /** One sentence: what happened and what to do. */
  readonly text: string;
}

const entry = (
  sip: number | null,
  q850: number | null,
  retry: boolean,
  text: string,
): ErrorEntry => ({
  sip,
  q850,
  retry,
  text,
});

export const ERRORS = {
  // How a leg ended when nothing was wrong.
  NORMAL_CLEARING: entry(200, 16, false, 'One party hung up.'),
  CALLER_CANCELLED: entry(487, 16, false, 'The caller gave up before an answer.'),
  CALLEE_BUSY: entry(486, 17, true, 'The called party is busy.'),
  CALLEE_DECLINED: entry(603, 21, false, 'The called party refused the call.'),
  NO_ANSWER: entry(480, 19, true, 'The called party did not answer in time.'),
  PEER_REFUSED: entry(
    null,
    31,
    false,
    'The far end answered with a final error; its status is in the record.',
  ),
  // Admission and routing.
  SOURCE_NOT_ALLOWED: entry(
    403,
    21,
    false,
    'The source address is in no trunk’s `allow` list and no trunk takes digest credentials.',
  ),
  AUTH_REQUIRED: entry(401, 57, false, 'Digest credentials are required.'),
  AUTH_FAILED: entry(403, 57, false, 'The digest credentials are wrong or the nonce is stale.'),
  ROUTE_NOT_FOUND: entry(404, 1, false, 'No route’s prefix matches the dialled number.'),
  TRUNK_AT_CAPACITY: entry(
    503,
    34,
    true,
    'The trunk has no free channel; Retry-After says when to try again.',
  ),
  TRUNK_CPS_EXCEEDED: entry(
    503,
    42,
    true,
    'The trunk’s calls per second are used up; Retry-After says when to try again.',
  ),
  CALL_LIMIT_REACHED: entry(
    503,
    42,
    true,
    '`limits.calls` is reached; Retry-After says when to try again.',
  ),
  CPS_LIMIT_REACHED: entry(
    503,
    42,
    true,
    '`limits.cps` is reached; Retry-After says when to try again.',
  ),
  NODE_DRAINING: entry(
    503,
    41,
    true,
    'The node is draining: new calls are refused, calls in progress go on.',
  ),
  GATEWAYS_EXHAUSTED: entry(
    503,
    38,
    true,
    'Every gateway of every trunk on the route failed or is down.',
  ),
  GATEWAY_TIMEOUT: entry(408, 18, true, 'The gateway did not answer the INVITE in time.'),
  GATEWAY_UNREACHABLE: entry(
    503,
    38,
    true,
    'The gateway refused the connection or the address is unreachable.',
  ),
  // SIP.
  MESSAGE_MALFORMED: entry(
    400,
    95,
    false,
    'The message breaks RFC 3261; the reason phrase names the first break.',
  ),
  MESSAGE_TOO_LARGE: entry(
    513,
    95,
    false,
    'The message is larger than the limit for its transport.',
  ),
  VERSION_UNSUPPORTED: entry(505, 95, false, 'Only SIP/2.0 is spoken.'),
  EXTENSION_UNSUPPORTED: entry(
    420,
    79,
    false,
    'A required extension is not supported; Unsupported names it.',
  ),
  TOO_MANY_HOPS: entry(483, 25, false, 'Max-Forwards reached 0.'),
  LOOP_DETECTED: entry(482, 25, false, 'The same request came in by two ways or came back to us.'),
  DIALOG_UNKNOWN: entry(481, 111, false, 'No dialog or transaction matches.'),
  URI_UNSUPPORTED: entry(416, 79, false, 'The Request-URI’s scheme is not supported.'),
  TRANSACTION_LIMIT_REACHED: entry(
    503,
    42,
    true,
    'The SIP transaction table is full; Retry-After says when to try again.',
  ),
  ACK_MISSING: entry(null, 102, false, 'The answer was never acknowledged (64*T1).'),
  ANSWER_MISSING: entry(
    null,
    96,
    false,
    'The ACK that was to bring the answer to the offer in our 200 brought none.',
  ),
  // Media.
  CODEC_NOT_SHARED: entry(488, 88, false, 'The two sides share no codec this trunk may use.'),
  SRTP_NOT_SHARED: entry(
    488,
    88,
    false,
    'The two sides share no way to encrypt the audio, or only one of them may or must.',
  ),
  SDP_MALFORMED: entry(400, 95, false, 'The SDP body can’t be read; the reason names the line.'),
  BODY_UNSUPPORTED: entry(415, 79, false, 'The body is not application/sdp.'),
  ENGINE_FULL: entry(503, 42, true, 'The media engine has no free endpoint or port.'),
  ENGINE_LOST: entry(
    503,
    41,
    true,
    'The media process ended or stopped answering; its calls were closed.',
  ),
  MEDIA_UNREACHABLE: entry(
    488,
    3,
    false,
    'The peer’s media address can’t be reached from the media address of this node, or is a name or a multicast address.',
  ),
  MEDIA_TIMEOUT: entry(null, 31, false, 'No RTP and no RTCP came for `media.inactivity_s`.'),
  MAX_DURATION: entry(null, 16, false, 'The trunk’s `max_duration_s` was reached.'),
  DIGITS_TOO_FAST: entry(
    null,
    null,
    true,
    'Digits for a trunk with `dtmf: info` came faster than keys can be pressed or the far end answers; what was too much was dropped.',
  ),
  // Process.
  ENDED_BY_OPERATOR: entry(
    null,
    16,
    false,
    'The call was ended through the API or the command line.',
  ),
  PROCESS_RESTARTED: entry(
    null,
    41,
    false,
    'The process ended while the call was up; the record was closed at restart.',
  ),
  NODE_STOPPED: entry(
    503,
    41,
    true,
    'The drain limit was reached; the call was ended by the platform.',
  ),
  STORE_UNAVAILABLE: entry(503, 41, true, 'The store refuses writes.'),
  CONFIG_INVALID: entry(
    null,
    null,
    false,
    'The configuration has an error; file, line, key, value and what is allowed are named.',
  ),
  // HTTP API; the HTTP status of each stands in src/api/errors.ts.
  REQUEST_INVALID: entry(
    null,
    null,
    false,
    'The request breaks the API’s schema or a rule of the configuration; the message names the value and what is allowed.',
  ),
  RESOURCE_NOT_FOUND: entry(null, null, false, 'No such path, call, trunk or route.'),
  METHOD_NOT_ALLOWED: entry(null, null, false, 'The path exists, but not with this method.'),
  BODY_TOO_LARGE: entry(null, null, false, 'The request’s body is larger than the API takes.'),
  CONTENT_TYPE_UNSUPPORTED: entry(
    null,
    null,
    false,
    'The request’s body must be application/json.',
  ),
  CONFIG_OWNED: entry(
    null,
    null,
    false,
    'The trunk or route stands in the configuration file and can only be changed there.',
  ),
  NAME_TAKEN: entry(
    null,
    null,
    false,
    'A trunk or route of this name exists already; PUT replaces it.',
  ),
  NAME_IN_USE: entry(
    null,
    null,
    false,
    'Something still needs the trunk, as a route that names it; remove that first.',
  ),
  HOST_UNKNOWN: entry(
    null,
    null,
    false,
    'The request’s Host is no name of this node; `listen.http_hosts` lists more.',
  ),
  INTERNAL_FAULT: entry(
    null,
    null,
    false,
    'The program met a fault of its own; the log has the request’s id and the details.',
  ),
  ADDRESS_IN_USE: entry(null, null, false, 'A listening address is taken by another program.'),
} as const satisfies Readonly<Record<string, ErrorEntry>>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/** A coded failure with the offending value and the limit in its message. */
export interface CodedError {
  readonly code: ErrorCode;
  readonly message: string;
  /** Seconds a peer should wait, for codes whose `retry` is true. */
  readonly retryAfterS?: number;
}
