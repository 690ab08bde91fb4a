// What may be asked of the tables, and the answers. Runs in the worker thread, between two groups of the writer: a statement
// reads by a key, by a limit, or one index over the period asked for.
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import { epochMs, neverReached, type CallId, type EpochMs, type LegRecord } from '../base/index.ts';
import { toLegRecord } from './rows.ts';
import type { Tables } from './schema.ts';
import type { LegFilter, LegPage, LegQuery, ObjectKind, StoredObject } from './types.ts';

export type Question =
  | { readonly kind: 'listLegs'; readonly query: LegQuery }
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

/** `s` and the sequence number read last; behind a dash the last one of a period, as it was when its first page was asked for. */
const CURSOR = /^s(\d{1,15})(?:-(\d{1,15}))?$/;

/** @throws SqliteError. */
export async function answer(
  db: Kysely<Tables>,
  question: Question,
): Promise<Answers[Question['kind']]> {
  switch (question.kind) {
    case 'listLegs':
      return listLegs(db, question.query);
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

/** Rows by sequence number: above `after`, up to `until`; null = no end. */
interface Range {
  readonly after: number;
  readonly until: number | null;
}

// In the order of commit: a row that is committed while pages are fetched, or long after its leg's end, comes behind the last
// one read and is never passed over.
async function listLegs(db: Kysely<Tables>, query: LegQuery): Promise<LegPage> {
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), PAGE_ROWS_MAX);
  const range = await rangeOf(db, query);
  let select = db.selectFrom('legs').where('seq', '>', range.after);
  if (range.until !== null) select = select.where('seq', '<=', range.until);
  const rows = await filtered(select, query)
    .selectAll()
    .orderBy('seq')
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1)?.seq ?? range.after;
  const until = range.until === null ? '' : `-${range.until}`;
  return {
    legs: page.map(toLegRecord),
    nextCursor: rows.length > limit ? `s${last}${until}` : null,
    resumeCursor: `s${last}`,
  };
}

async function rangeOf(db: Kysely<Tables>, { from, to, cursor }: LegQuery): Promise<Range> {
  const read = cursor === undefined ? null : CURSOR.exec(cursor);
  const after = Number(read?.[1] ?? 0);
  if (read?.[2] !== undefined) return { after, until: Number(read[2]) };
  if (from === undefined && to === undefined) return { after, until: null };
  // Where the period's rows lie, by the index of ends alone: old rows and new ones are not walked through for them.
  let select = db.selectFrom('legs');
  if (from !== undefined) select = select.where('ended_at', '>=', from);
  if (to !== undefined) select = select.where('ended_at', '<', to);
  const { first, last } = await select
    .select(({ fn }) => [
      fn.min<number | null>('seq').as('first'),
      fn.max<number | null>('seq').as('last'),
    ])
    .executeTakeFirstOrThrow();
  return { after: Math.max(after, (first ?? 1) - 1), until: last ?? 0 };
}

// The sums keep the planner from taking an index of ends, after which it would have to sort the whole period for each page.
function filtered<O>(
  select: SelectQueryBuilder<Tables, 'legs', O>,
  { from, to, trunk }: LegFilter,
): SelectQueryBuilder<Tables, 'legs', O> {
  let out = select;
  if (from !== undefined) out = out.where(sql<boolean>`ended_at + 0 >= ${from}`);
  if (to !== undefined) out = out.where(sql<boolean>`ended_at + 0 < ${to}`);
  if (trunk !== undefined) out = out.where('trunk', '=', trunk);
  return out;
}

function tableOf(kind: ObjectKind): 'trunks' | 'routes' {
  return kind === 'trunk' ? 'trunks' : 'routes';
}
