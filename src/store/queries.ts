// What may be asked of the tables, and the answers. Runs in the worker thread; every statement is bounded by a limit
// or a key, so that a question never holds up the writer for long.
import type { Kysely, SelectQueryBuilder } from 'kysely';
import { epochMs, neverReached, type CallId, type EpochMs, type LegRecord } from '../base/index.ts';
import { toLegRecord } from './rows.ts';
import type { Tables } from './schema.ts';
import type { LegFilter, LegPage, LegQuery, ObjectKind, StoredObject } from './types.ts';

export type Question =
  | { readonly kind: 'listLegs'; readonly query: LegQuery }
  | { readonly kind: 'countLegs'; readonly filter: LegFilter }
  | { readonly kind: 'findCall'; readonly callId: CallId }
  | { readonly kind: 'listObjects'; readonly objects: ObjectKind }
  | {
      readonly kind: 'putObject';
      readonly objects: ObjectKind;
      readonly name: string;
      readonly body: string;
      readonly at: EpochMs;
    }
  | { readonly kind: 'deleteObject'; readonly objects: ObjectKind; readonly name: string };

/** The answer to each kind of question. */
export interface Answers {
  readonly listLegs: LegPage;
  readonly countLegs: number;
  readonly findCall: readonly LegRecord[];
  readonly listObjects: readonly StoredObject[];
  readonly putObject: null;
  readonly deleteObject: boolean;
}

/** Rows of one page, at most. */
export const PAGE_ROWS_MAX = 1_000;
/** Legs of one call, at most: two parties and the gateways tried. */
const CALL_LEGS_MAX = 1_000;
/** API-made trunks or routes, at most; the writer of the rows keeps to it. */
const OBJECTS_MAX = 100_000;

const CURSOR = /^(\d{1,15})\.(\d{1,15})$/;

/** @throws SqliteError. */
export async function answer(
  db: Kysely<Tables>,
  question: Question,
): Promise<Answers[Question['kind']]> {
  switch (question.kind) {
    case 'listLegs':
      return listLegs(db, question.query);
    case 'countLegs': {
      const row = await filtered(db.selectFrom('legs'), question.filter)
        .select((select) => select.fn.countAll<number | string>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    }
    case 'findCall': {
      const rows = await db
        .selectFrom('legs')
        .selectAll()
        .where('call_id', '=', question.callId)
        .orderBy('ended_at')
        .orderBy('seq')
        .limit(CALL_LEGS_MAX)
        .execute();
      return rows.map(toLegRecord);
    }
    case 'listObjects': {
      const rows = await db
        .selectFrom(tableOf(question.objects))
        .selectAll()
        .orderBy('name')
        .limit(OBJECTS_MAX)
        .execute();
      return rows.map((row) => ({
        kind: question.objects,
        name: row.name,
        body: JSON.parse(row.body) as unknown,
        updatedAt: epochMs(row.updated_at),
      }));
    }
    case 'putObject':
      await db
        .insertInto(tableOf(question.objects))
        .values({ name: question.name, body: question.body, updated_at: question.at })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ body: question.body, updated_at: question.at }),
        )
        .execute();
      return null;
    case 'deleteObject': {
      const result = await db
        .deleteFrom(tableOf(question.objects))
        .where('name', '=', question.name)
        .executeTakeFirstOrThrow();
      return result.numDeletedRows > 0n;
    }
    default:
      return neverReached(question);
  }
}

/** Whether a text could be a `nextCursor` of ours. */
export function isCursor(text: string): boolean {
  return CURSOR.test(text);
}

async function listLegs(db: Kysely<Tables>, query: LegQuery): Promise<LegPage> {
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), PAGE_ROWS_MAX);
  let select = filtered(db.selectFrom('legs'), query);
  const cursor = query.cursor === undefined ? null : CURSOR.exec(query.cursor);
  if (cursor !== null) {
    const [endedAt, seq] = [Number(cursor[1]), Number(cursor[2])];
    select = select.where((where) =>
      // The first term alone lets the index start at the cursor; the second leaves out what was given already.
      where.and([
        where('ended_at', '>=', endedAt),
        where.or([where('ended_at', '>', endedAt), where('seq', '>', seq)]),
      ]),
    );
  }
  const rows = await select
    .selectAll()
    .orderBy('ended_at')
    .orderBy('seq')
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const last = page[page.length - 1];
  const nextCursor =
    rows.length > limit && last !== undefined ? `${last.ended_at}.${last.seq}` : null;
  return { legs: page.map(toLegRecord), nextCursor };
}

function filtered<O>(
  select: SelectQueryBuilder<Tables, 'legs', O>,
  filter: LegFilter,
): SelectQueryBuilder<Tables, 'legs', O> {
  let out = select;
  if (filter.from !== undefined) out = out.where('ended_at', '>=', filter.from);
  if (filter.to !== undefined) out = out.where('ended_at', '<', filter.to);
  if (filter.trunk !== undefined) out = out.where('trunk', '=', filter.trunk);
  return out;
}

function tableOf(kind: ObjectKind): 'trunks' | 'routes' {
  return kind === 'trunk' ? 'trunks' : 'routes';
}
