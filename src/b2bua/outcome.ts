// What a SIP status means for a call record: cause code, Q.850 value, and what the caller is told.
import type { ErrorCode } from '../base/index.ts';
import { ERRORS, neverReached } from '../base/index.ts';
import type { EngineCode } from '../engine/index.ts';
import type { Reason } from '../sip/index.ts';
import { readReason, safeText } from '../sip/index.ts';

/** ITU-T Q.850 causes by SIP status, RFC 3398 §8.2.6.1; 487 and 488 as RFC 3326 users write them. */
const Q850_BY_STATUS: ReadonlyMap<number, number> = new Map([
  [400, 41], [401, 21], [402, 21], [403, 21], [404, 1], [405, 63], [406, 79], [407, 21], [408, 102],
  [410, 22], [413, 127], [414, 127], [415, 79], [416, 127], [420, 127], [421, 127], [423, 127],
  [480, 18], [481, 41], [482, 25], [483, 25], [484, 28], [485, 1], [486, 17], [487, 16], [488, 88],
  [500, 41], [501, 79], [502, 38], [503, 41], [504, 102], [505, 127], [513, 127],
  [600, 17], [603, 21], [604, 1], [606, 58],
]); // prettier-ignore

/** How a leg ended: what its record says and what a Reason header may carry. */
export interface Outcome {
  readonly cause: ErrorCode;
  readonly status: number;
  readonly q850: number | null;
  /** The peer's own Reason header value, when it gave one; passed on and recorded as it came. */
  readonly heard?: string;
}

/** The outcome a catalogue code stands for; `status` overrides the catalogue's where the peer chose one. */
export function outcomeOf(cause: ErrorCode, status?: number): Outcome {
  const entry = ERRORS[cause];
  return { cause, status: status ?? entry.sip ?? 200, q850: entry.q850 };
}

/** Reads a far end's final answer of 300 to 699. */
export function outcomeOfStatus(status: number): Outcome {
  const q850 = Q850_BY_STATUS.get(status) ?? (status < 500 ? 127 : 41);
  switch (status) {
    case 486:
    case 600:
      return { cause: 'CALLEE_BUSY', status, q850 };
    case 603:
      return { cause: 'CALLEE_DECLINED', status, q850 };
    case 480:
    // The gateway's own patience ran out: a caller that gives up ends the call before its gateway's 487 comes.
    case 487:
      return { cause: 'NO_ANSWER', status, q850 };
    case 408:
      return { cause: 'GATEWAY_TIMEOUT', status, q850 };
    case 488:
    case 606:
      return { cause: 'CODEC_NOT_SHARED', status, q850 };
    default:
      return { cause: 'PEER_REFUSED', status, q850 };
  }
}

/** Longest Reason that is believed to be one. */
const REASON_CHARS_MAX = 256;

/**
 * A far end's final answer with the Reason headers it carried (RFC 3326, RFC 6432): the peer knows better than our table.
 * @param status 300 to 699.
 */
export function heardOutcome(status: number, reasons: readonly string[]): Outcome {
  return withReason(outcomeOfStatus(status), reasons);
}

/** Lays a peer's Reason over an outcome; the first with a Q.850 cause counts, else nothing changes. */
export function withReason(outcome: Outcome, reasons: readonly string[]): Outcome {
  for (const reason of reasons) {
    if (reason.length > REASON_CHARS_MAX) continue;
    const heard = safeText(reason);
    const cause = q850CauseOf(readReason(heard));
    if (cause !== null) return { ...outcome, q850: cause, heard };
  }
  return outcome;
}

/** The cause of a Q.850 Reason: 7 bits (ITU-T Q.850 §2.2.5), in no more digits than those need. */
function q850CauseOf(reason: Reason | null): number | null {
  if (reason?.protocol !== 'Q.850' || reason.cause === null || reason.cause.length > 3) return null;
  const cause = Number(reason.cause);
  return cause <= 127 ? cause : null;
}

/**
 * Lays the Reasons of a BYE or CANCEL over an outcome. They are handed on whatever their protocol: `SIP;cause=200` on a CANCEL
 * keeps a phone from showing a missed call (RFC 3326 §3.1), `preemption` says that a more important call came (RFC 4411).
 */
export function withRequestReasons(outcome: Outcome, reasons: readonly string[]): Outcome {
  const told = withReason(outcome, reasons);
  const heard = reasons.filter(isReason).map(safeText).join(', ');
  if (heard === '' || heard.length > REASON_CHARS_MAX) return told;
  return { ...told, heard };
}

/** Of the two protocols that we read ourselves the cause must be one, too. */
function isReason(text: string): boolean {
  if (text.length > REASON_CHARS_MAX) return false;
  const reason = readReason(text);
  if (reason?.isStrict !== true) return false;
  if (reason.protocol === 'SIP') return isStatus(reason.cause);
  return reason.protocol === 'Q.850' ? q850CauseOf(reason) !== null : true;
}

function isStatus(cause: string | null): boolean {
  return cause?.length === 3 && cause >= '200' && cause <= '699';
}

/** No answer at all to an INVITE of ours: as a 408 or 503 of the peer (RFC 3261 §8.1.3.1). */
export function outcomeOfSilence(why: 'timeout' | 'transport'): Outcome {
  return outcomeOf(why === 'timeout' ? 'GATEWAY_TIMEOUT' : 'GATEWAY_UNREACHABLE');
}

/** Reads the engine's refusal of an order that changes an endpoint. */
export function outcomeOfOrder(code: EngineCode): Outcome {
  switch (code) {
    case 'HANDLE_STALE':
      return outcomeOf('ENGINE_LOST');
    case 'ADDRESS_INVALID':
      return outcomeOf('MEDIA_UNREACHABLE');
    case 'ORDER_INVALID':
      // What the engine is told comes from the peers' descriptions: an address it can't send to, for example.
      return outcomeOf('SDP_MALFORMED', 488);
    case 'OK':
    case 'ENDPOINTS_FULL':
    case 'PORTS_EXHAUSTED':
    case 'SOCKET_FAILED':
    case 'MEMORY_FULL':
    case 'QUEUE_FULL':
    case 'CLIP_INVALID':
    case 'FILE_FAILED':
    case 'CONFERENCE_FULL':
      return outcomeOf('ENGINE_FULL');
    default:
      return neverReached(code);
  }
}

/**
 * The status the caller is told for a gateway's final answer. Redirects are not followed and challenges are never
 * passed on: a caller must not see our gateway's realm (RFC 5853 §3.1, topology hiding).
 */
export function statusForCaller(status: number): number {
  if (status >= 300 && status < 400) return 480;
  if (status === 401 || status === 407) return 503;
  return status;
}

/** The value of a Reason header (RFC 3326) for an outcome; null when there is no Q.850 cause to tell. */
export function reasonValue(outcome: Outcome): string | null {
  if (outcome.heard !== undefined) return outcome.heard;
  if (outcome.q850 === null) return null;
  return `Q.850;cause=${outcome.q850};text="${outcome.cause}"`;
}
