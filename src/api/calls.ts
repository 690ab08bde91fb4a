// Calls that are up: list, one of them, hang up. The operator's view; nothing is masked, so it listens on loopback.
import type { FastifyInstance } from 'fastify';
import { toJson, type CdrJson } from '../records/index.ts';
import type { ApiDeps, LiveCall } from './deps.ts';
import { sendError } from './errors.ts';
import {
  CallAnswer,
  CallList,
  callIdOf,
  CallParams,
  HangUp,
  limitOf,
  LiveQuery,
} from './schemas.ts';

const STATUS_ACCEPTED = 202;
const CURSOR = /^(\d{1,15})\.(CL[0-9a-f]{32})$/;

export function registerCalls(app: FastifyInstance, deps: ApiDeps): void {
  app.get<{ Querystring: LiveQuery }>(
    '/v1/calls',
    { schema: { querystring: LiveQuery, response: { 200: CallList } } },
    (request, reply) => {
      const cursor = cursorOf(request.query.cursor);
      if (cursor === null) {
        const message = `cursor '${request.query.cursor ?? ''}' is none this API gave`;
        return sendError(reply, { code: 'REQUEST_INVALID', message });
      }
      const { page, more } = pageAfter(deps, cursor, limitOf(request.query.limit));
      const last = page.at(-1);
      const nextCursor = more && last !== undefined ? `${last.startedAt}.${last.callId}` : null;
      return reply.send({ calls: page.map(callJson), next_cursor: nextCursor });
    },
  );

  app.get<{ Params: CallParams }>(
    '/v1/calls/:id',
    { schema: { params: CallParams, response: { 200: CallAnswer } } },
    async (request, reply) => {
      const id = callIdOf(request.params.id);
      if (id === null) return sendError(reply, unknownCall(request.params.id));
      const live = deps.liveCall(id);
      const finished = await deps.cdrs.findCall(id);
      // A call that is up is worth showing even when the store can't tell of its finished legs.
      if (!finished.ok && live === null) return sendError(reply, finished.error);
      const cdrs: readonly CdrJson[] = finished.ok ? finished.value.map(toJson) : [];
      if (live === null && cdrs.length === 0) return sendError(reply, unknownCall(id));
      return reply.send({ call_id: id, live: live === null ? null : callJson(live), cdrs });
    },
  );

  app.delete<{ Params: CallParams }>(
    '/v1/calls/:id',
    { schema: { params: CallParams, response: { 202: HangUp } } },
    (request, reply) => {
      const id = callIdOf(request.params.id);
      if (id === null || !deps.hangUp(id)) return sendError(reply, unknownCall(request.params.id));
      return reply.code(STATUS_ACCEPTED).send({ call_id: id, hang_up: 'ordered' });
    },
  );
}

interface LiveCursor {
  readonly startedAt: number;
  readonly callId: string;
}

function cursorOf(text: string | undefined): LiveCursor | undefined | null {
  if (text === undefined) return undefined;
  const parts = CURSOR.exec(text);
  return parts === null ? null : { startedAt: Number(parts[1]), callId: parts[2] ?? '' };
}

/**
 * The next calls after the cursor's; when that one has ended meanwhile, those that started later than it. Calls that
 * start or end between two pages may be missed or not: the list is a view of something that moves.
 */
function pageAfter(
  deps: ApiDeps,
  cursor: LiveCursor | undefined,
  limit: number,
): { page: LiveCall[]; more: boolean } {
  const page: LiveCall[] = [];
  let found = cursor === undefined;
  for (const call of deps.liveCalls()) {
    if (!found && cursor !== undefined) {
      if (call.callId === cursor.callId) {
        found = true;
        continue;
      }
      if (call.startedAt <= cursor.startedAt) continue;
      found = true;
    }
    if (page.length === limit) return { page, more: true };
    page.push(call);
  }
  return { page, more: false };
}

function unknownCall(id: string): {
  readonly code: 'RESOURCE_NOT_FOUND';
  readonly message: string;
} {
  return { code: 'RESOURCE_NOT_FOUND', message: `no call ${id.slice(0, 64)}` };
}

function callJson(call: LiveCall): Readonly<Record<string, unknown>> {
  return {
    call_id: call.callId,
    started_at: new Date(call.startedAt).toISOString(),
    answered_at: call.answeredAt === null ? null : new Date(call.answeredAt).toISOString(),
    legs: call.legs.map((leg) => ({
      leg_id: leg.legId,
      direction: leg.direction,
      trunk: leg.trunk,
      gateway: leg.gateway,
      sip_call_id: leg.sipCallId,
      caller: leg.caller,
      called: leg.called,
      state: leg.state,
      codec: leg.codec,
    })),
  };
}
