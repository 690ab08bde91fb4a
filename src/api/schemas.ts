// Shapes of the HTTP API's parameters and answers. Requests are checked against these by fastify before a handler
// runs, without changing any type: the text "5" is no number. Query values are text by nature and are read here.
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { callId, epochMs, type CallId, type EpochMs } from '../base/index.ts';
import { cdrColumns } from '../records/index.ts';

/** Rows of a page when the request names none, and the most it may name. */
export const PAGE_ROWS_DEFAULT = 100;
export const PAGE_ROWS_MAX = 1_000;

/** One type or null, in the form the serializer writes fastest. */
const nullable = (type: 'string' | 'integer' | 'number'): TSchema =>
  Type.Unsafe({ type: [type, 'null'] });

const TRUNK_NAME_LENGTH_MAX = 128;
const CURSOR_LENGTH_MAX = 80;
/** 1 to 1000. */
const LIMIT_PATTERN = '^([1-9][0-9]{0,2}|1000)$';
const TIME_PATTERN =
  '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2}))?$';

const limit = Type.Optional(
  Type.String({ pattern: LIMIT_PATTERN, description: `rows of a page, 1 to ${PAGE_ROWS_MAX}` }),
);
const cursor = Type.Optional(
  Type.String({
    maxLength: CURSOR_LENGTH_MAX,
    description: '`next_cursor` or `resume_cursor` of a page before',
  }),
);
const time = Type.Optional(
  Type.String({
    pattern: TIME_PATTERN,
    description: 'ISO 8601: a date (UTC midnight), or date and time with Z or an offset',
  }),
);

export const LiveQuery = Type.Object({ limit, cursor }, { additionalProperties: false });
export type LiveQuery = Static<typeof LiveQuery>;

/** Lists that are given whole take no parameter: a `limit` that did nothing would look like the end of the list. */
export const ListQuery = Type.Object({}, { additionalProperties: false });

export const CdrsQuery = Type.Object(
  {
    from: time,
    to: time,
    trunk: Type.Optional(Type.String({ minLength: 1, maxLength: TRUNK_NAME_LENGTH_MAX })),
    format: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('csv')])),
    limit,
    cursor,
  },
  { additionalProperties: false },
);
export type CdrsQuery = Static<typeof CdrsQuery>;

export const CallParams = Type.Object({ id: Type.String() });
export type CallParams = Static<typeof CallParams>;

export const NameParams = Type.Object({
  name: Type.String({ minLength: 1, maxLength: TRUNK_NAME_LENGTH_MAX }),
});
export type NameParams = Static<typeof NameParams>;

export const DrainBody = Type.Object(
  { action: Type.Union([Type.Literal('start'), Type.Literal('cancel'), Type.Literal('stop')]) },
  { additionalProperties: false },
);
export type DrainBody = Static<typeof DrainBody>;

/** A trunk's or route's body: an object here; what is in it the configuration's validator checks. */
export const ObjectBody = Type.Record(Type.String(), Type.Unknown());
export type ObjectBody = Static<typeof ObjectBody>;

const Leg = Type.Object({
  leg_id: Type.String(),
  direction: Type.String(),
  trunk: nullable('string'),
  gateway: nullable('string'),
  sip_call_id: Type.String(),
  caller: Type.String(),
  called: Type.String(),
  state: Type.String(),
  codec: nullable('string'),
});

const Call = Type.Object({
  call_id: Type.String(),
  started_at: Type.String(),
  answered_at: nullable('string'),
  legs: Type.Array(Leg),
});

const Cdr = Type.Object(
  Object.fromEntries(
    cdrColumns.map((column) => [
      column.name,
      column.nullable ? nullable(column.type) : Type.Unsafe({ type: column.type }),
    ]),
  ),
);

export const Health = Type.Object({ status: Type.String() });
export const Readiness = Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) });
export const Drain = Type.Object({ draining: Type.Boolean(), calls_active: Type.Integer() });
export const CallList = Type.Object({ calls: Type.Array(Call), next_cursor: nullable('string') });
export const CallAnswer = Type.Object({
  call_id: Type.String(),
  live: Type.Union([Call, Type.Null()]),
  cdrs: Type.Array(Cdr),
});
export const HangUp = Type.Object({ call_id: Type.String(), hang_up: Type.Literal('ordered') });
export const CdrList = Type.Object({
  cdrs: Type.Array(Cdr),
  next_cursor: nullable('string'),
  resume_cursor: Type.String(),
});

const Trunk = Type.Object({
  name: Type.String(),
  owner: Type.String(),
  channels_in_use: Type.Integer(),
  channels: Type.Integer(),
  cps: Type.Number(),
  gateways: Type.Array(Type.Object({ uri: Type.String(), state: Type.String() })),
});
export const TrunkList = Type.Object({ trunks: Type.Array(Trunk) });

/** @returns rows wanted; the schema has checked the range. */
export function limitOf(text: string | undefined): number {
  return text === undefined ? PAGE_ROWS_DEFAULT : Number(text);
}

/** @returns undefined for no text, null for a time that passes the pattern but isn't one (month 13). */
export function timeOf(text: string | undefined): EpochMs | undefined | null {
  if (text === undefined) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? null : epochMs(value);
}

/** @returns null for a text that is no call's id. */
export function callIdOf(text: string): CallId | null {
  return /^CL[0-9a-f]{32}$/.test(text) ? callId(text) : null;
}
