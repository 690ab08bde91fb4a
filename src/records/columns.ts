// The columns of a call record as they leave the house: one list for CSV, JSON and docs/cdr.md. Names and order are a
// promise to billing systems: new columns go at the end, none is renamed or dropped within a major version.
import type { LegRecord } from '../base/index.ts';

export type CdrValue = string | number | null;

export interface CdrColumn {
  readonly name: string;
  /** JSON type of a value that isn't null. */
  readonly type: 'string' | 'integer' | 'number';
  readonly nullable: boolean;
  /** Times as ISO 8601 in UTC with milliseconds. */
  readonly value: (leg: LegRecord) => CdrValue;
}

type Value = CdrColumn['value'];

const text = (name: string, value: Value): CdrColumn => ({
  name,
  type: 'string',
  nullable: false,
  value,
});
const textOrNull = (name: string, value: Value): CdrColumn => ({
  name,
  type: 'string',
  nullable: true,
  value,
});
const count = (name: string, value: Value): CdrColumn => ({
  name,
  type: 'integer',
  nullable: false,
  value,
});
const countOrNull = (name: string, value: Value): CdrColumn => ({
  name,
  type: 'integer',
  nullable: true,
  value,
});
const figureOrNull = (name: string, value: Value): CdrColumn => ({
  name,
  type: 'number',
  nullable: true,
  value,
});

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function isoTimeOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoTime(epochMs);
}

/** One row per leg; `call_id` joins the legs of a call. Meaning of each column: docs/cdr.md. */
export const cdrColumns: readonly CdrColumn[] = [
  text('call_id', (leg) => leg.callId),
  text('leg_id', (leg) => leg.legId),
  text('direction', (leg) => leg.direction),
  textOrNull('trunk', (leg) => leg.trunk),
  textOrNull('gateway', (leg) => leg.gateway),
  text('sip_call_id', (leg) => leg.sipCallId),
  text('caller', (leg) => leg.caller),
  text('called', (leg) => leg.called),
  text('called_original', (leg) => leg.calledOriginal),
  textOrNull('auth_identity', (leg) => leg.authIdentity),
  text('started_at', (leg) => isoTime(leg.startedAt)),
  textOrNull('ringing_at', (leg) => isoTimeOrNull(leg.ringingAt)),
  textOrNull('answered_at', (leg) => isoTimeOrNull(leg.answeredAt)),
  text('ended_at', (leg) => isoTime(leg.endedAt)),
  count('duration_ms', (leg) => Math.round(leg.durationMs)),
  countOrNull('pdd_ms', (leg) => (leg.pddMs === null ? null : Math.round(leg.pddMs))),
  count('final_status', (leg) => leg.finalStatus),
  text('cause', (leg) => leg.cause),
  countOrNull('q850', (leg) => leg.q850),
  textOrNull('reason', (leg) => leg.reasonHeader),
  text('ended_by', (leg) => leg.endedBy),
  textOrNull('codec', (leg) => leg.codec),
  text('routes_tried', (leg) => leg.routesTried),
  countOrNull('packets_received', (leg) => leg.media?.packetsReceived ?? null),
  countOrNull('octets_received', (leg) => leg.media?.octetsReceived ?? null),
  countOrNull('packets_sent', (leg) => leg.media?.packetsSent ?? null),
  countOrNull('octets_sent', (leg) => leg.media?.octetsSent ?? null),
  countOrNull('packets_lost', (leg) => leg.media?.packetsLost ?? null),
  figureOrNull('jitter_ms', (leg) => leg.media?.jitterMs ?? null),
  countOrNull('packets_refused', (leg) => leg.media?.packetsRefused ?? null),
  figureOrNull('mos', (leg) => leg.media?.mos ?? null),
  count('transcoded', (leg) => Number(leg.transcoded)),
  textOrNull('srtp', (leg) => leg.srtp),
  countOrNull('packets_late', (leg) => leg.media?.packetsLate ?? null),
  countOrNull('concealed_ms', (leg) => leg.media?.concealedMs ?? null),
  figureOrNull('playout_delay_ms', (leg) => leg.media?.playoutDelayMs ?? null),
];
