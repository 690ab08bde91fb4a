// Call records: JSON by pages, CSV as one stream of any length.
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { csvHeader, csvRows, toJson } from '../records/index.ts';
import type { ApiDeps, CdrPage, CdrQuery, CdrSource } from './deps.ts';
import { sendError } from './errors.ts';
import { CdrList, CdrsQuery, limitOf, PAGE_ROWS_MAX, timeOf } from './schemas.ts';

export function registerCdrs(app: FastifyInstance, deps: ApiDeps): void {
  app.get<{ Querystring: CdrsQuery }>(
    '/v1/cdrs',
    {
      schema: {
        querystring: CdrsQuery,
        response: { 200: { content: { 'application/json': { schema: CdrList } } } },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const [from, to] = [timeOf(query.from), timeOf(query.to)];
      if (from === null || to === null) {
        const message = `'${(from === null ? query.from : query.to) ?? ''}' is no time`;
        return sendError(reply, { code: 'REQUEST_INVALID', message });
      }
      const wanted: CdrQuery = {
        limit: limitOf(query.limit),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(query.trunk === undefined ? {} : { trunk: query.trunk }),
        ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
      };
      if (query.format === 'csv')
        return sendCsv(reply, deps.cdrs, wanted, query.limit === undefined);
      const page = await deps.cdrs.listLegs(wanted);
      if (!page.ok) return sendError(reply, page.error);
      const { legs, nextCursor, resumeCursor } = page.value;
      return reply.send({
        cdrs: legs.map(toJson),
        next_cursor: nextCursor,
        resume_cursor: resumeCursor,
      });
    },
  );
}

/** All rows from the cursor on, or one page of `limit` rows with the cursors of the JSON answer as headers. */
async function sendCsv(
  reply: FastifyReply,
  cdrs: CdrSource,
  wanted: CdrQuery,
  all: boolean,
): Promise<FastifyReply> {
  // The first page is fetched before the status line goes out: a store that refuses still gets its 503.
  const first = await cdrs.listLegs(all ? { ...wanted, limit: PAGE_ROWS_MAX } : wanted);
  if (!first.ok) return sendError(reply, first.error);
  void reply
    .type('text/csv; charset=utf-8; header=present')
    .header('content-disposition', 'attachment; filename="cdrs.csv"');
  if (!all) {
    void reply.header('x-resume-cursor', first.value.resumeCursor);
    if (first.value.nextCursor !== null) void reply.header('x-next-cursor', first.value.nextCursor);
    return reply.send(csvHeader() + csvRows(first.value.legs));
  }
  return reply.send(Readable.from(csvChunks(cdrs, wanted, first.value), { objectMode: false }));
}

/** Pages are asked for as fast as the client reads; a store that fails on the way breaks the connection off, visibly. */
async function* csvChunks(
  cdrs: CdrSource,
  wanted: CdrQuery,
  first: CdrPage,
): AsyncGenerator<string> {
  yield csvHeader();
  for (let page = first; ;) {
    if (page.legs.length > 0) yield csvRows(page.legs);
    if (page.nextCursor === null) return;
    const next = await cdrs.listLegs({ ...wanted, limit: PAGE_ROWS_MAX, cursor: page.nextCursor });
    if (!next.ok) throw new Error(`export broken off: ${next.error.message}`);
    page = next.value;
  }
}
