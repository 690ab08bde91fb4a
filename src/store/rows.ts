// A leg's record as a table row and back.
import {
  callId,
  epochMs,
  legId,
  type EndedBy,
  type LegDirection,
  type LegMedia,
  type LegRecord,
} from '../base/index.ts';
import type { LegRow } from './schema.ts';

/** @param seq journal sequence number of the leg's end. */
export function toLegRow(leg: LegRecord, seq: number): LegRow {
  const { media } = leg;
  return {
    leg_id: leg.legId,
    seq,
    call_id: leg.callId,
    direction: leg.direction,
    trunk: leg.trunk,
    gateway: leg.gateway,
    sip_call_id: leg.sipCallId,
    caller: leg.caller,
    called: leg.called,
    called_original: leg.calledOriginal,
    auth_identity: leg.authIdentity,
    started_at: leg.startedAt,
    ringing_at: leg.ringingAt,
    answered_at: leg.answeredAt,
    ended_at: leg.endedAt,
    duration_ms: leg.durationMs,
    pdd_ms: leg.pddMs,
    final_status: leg.finalStatus,
    cause: leg.cause,
    q850: leg.q850,
    reason_header: leg.reasonHeader,
    ended_by: leg.endedBy,
    codec: leg.codec,
    routes_tried: leg.routesTried,
    packets_received: media?.packetsReceived ?? null,
    octets_received: media?.octetsReceived ?? null,
    packets_sent: media?.packetsSent ?? null,
    octets_sent: media?.octetsSent ?? null,
    packets_lost: media?.packetsLost ?? null,
    jitter_ms: media?.jitterMs ?? null,
    packets_refused: media?.packetsRefused ?? null,
    mos: media?.mos ?? null,
    // A line of the journal may be from before these were counted.
    transcoded: leg.transcoded ? 1 : 0,
    srtp: leg.srtp ?? null,
    packets_late: media?.packetsLate ?? null,
    concealed_ms: media?.concealedMs ?? null,
    playout_delay_ms: media?.playoutDelayMs ?? null,
  };
}

export function toLegRecord(row: LegRow): LegRecord {
  return {
    legId: legId(row.leg_id),
    callId: callId(row.call_id),
    direction: toDirection(row.direction),
    trunk: row.trunk,
    sipCallId: row.sip_call_id,
    caller: row.caller,
    called: row.called,
    calledOriginal: row.called_original,
    authIdentity: row.auth_identity,
    startedAt: epochMs(row.started_at),
    gateway: row.gateway,
    ringingAt: row.ringing_at === null ? null : epochMs(row.ringing_at),
    answeredAt: row.answered_at === null ? null : epochMs(row.answered_at),
    endedAt: epochMs(row.ended_at),
    durationMs: row.duration_ms,
    pddMs: row.pdd_ms,
    finalStatus: row.final_status,
    cause: row.cause,
    q850: row.q850,
    reasonHeader: row.reason_header,
    endedBy: toEndedBy(row.ended_by),
    codec: row.codec,
    transcoded: row.transcoded === 1,
    srtp: row.srtp,
    media: toMedia(row),
    routesTried: row.routes_tried,
  };
}

function toMedia(row: LegRow): LegMedia | null {
  if (row.packets_received === null) return null;
  return {
    packetsReceived: row.packets_received,
    octetsReceived: row.octets_received ?? 0,
    packetsSent: row.packets_sent ?? 0,
    octetsSent: row.octets_sent ?? 0,
    packetsLost: row.packets_lost ?? 0,
    jitterMs: row.jitter_ms ?? 0,
    packetsRefused: row.packets_refused ?? 0,
    mos: row.mos,
    packetsLate: row.packets_late ?? 0,
    concealedMs: row.concealed_ms ?? 0,
    playoutDelayMs: row.playout_delay_ms,
  };
}

function toDirection(text: string): LegDirection {
  return text === 'inbound' ? 'inbound' : 'outbound';
}

function toEndedBy(text: string): EndedBy {
  return text === 'caller' || text === 'callee' ? text : 'platform';
}
