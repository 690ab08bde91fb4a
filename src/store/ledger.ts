// Moves journal entries into the tables: one transaction per group of entries, with the journal position in it, so an
// entry is applied once however often it is read. Runs in the worker thread.
//
// Only a leg's end makes a row. What a leg that is up has told stays in the journal, and its segment with it, until
// the leg ends; only when too many segments are held by long calls do those legs go to `open_legs`. So a usual call
// costs one insert a leg.
import type Database from 'better-sqlite3';
import type { LegRecord } from '../base/index.ts';
import type { OpenDatabase } from './database.ts';
import type { JournalReader, PlacedEntry } from './journal-reader.ts';
import type { JournalPosition } from './journal.ts';
import { OpenLegs, parseOpenLegState, type OpenLegState } from './open-legs.ts';
import { toLegRow } from './rows.ts';

/** Entries of one transaction, at most. */
const GROUP_ENTRIES_MAX = 500;
/** Segments that legs which are up may hold back; at 4 MiB each this bounds what a restart reads. */
const SEGMENTS_HELD_MAX = 16;
const JOURNAL_ROW_ID = 1;

interface Statements {
  readonly setPosition: Database.Statement;
  readonly saveOpenLeg: Database.Statement;
  readonly deleteOpenLeg: Database.Statement;
}

export interface LedgerCounters {
  readonly entriesApplied: number;
  readonly recordsWritten: number;
  readonly commits: number;
}

export class Ledger {
  readonly #database: OpenDatabase;
  readonly #statements: Statements;
  #insertStatement: Database.Statement | null = null;
  readonly #reader: JournalReader;
  readonly #open = new OpenLegs();
  /** Read but not yet applied: what a failed transaction left. */
  #pending: readonly PlacedEntry[] = [];
  /** Highest sequence number whose effects the tables hold. */
  #seqInTables = 0;
  #seqApplied = 0;
  #entriesApplied = 0;
  #recordsWritten = 0;
  #commits = 0;

  private constructor(database: OpenDatabase, reader: JournalReader) {
    this.#database = database;
    this.#reader = reader;
    this.#statements = prepareStatements(database);
  }

  /** Reads where the tables stand. @throws SqliteError, SyntaxError for an open leg that isn't JSON. */
  static async open(database: OpenDatabase, reader: JournalReader): Promise<Ledger> {
    const ledger = new Ledger(database, reader);
    const row = await database.db.selectFrom('journal').select('seq_applied').executeTakeFirst();
    ledger.#seqInTables = row?.seq_applied ?? 0;
    ledger.#seqApplied = ledger.#seqInTables;
    for (const { state } of await database.db.selectFrom('open_legs').select('state').execute()) {
      ledger.#open.load(parseOpenLegState(state));
    }
    return ledger;
  }

  /** Highest sequence number seen. */
  get seqApplied(): number {
    return this.#seqApplied;
  }

  get legsOpen(): number {
    return this.#open.size;
  }

  get counters(): LedgerCounters {
    return {
      entriesApplied: this.#entriesApplied,
      recordsWritten: this.#recordsWritten,
      commits: this.#commits,
    };
  }

  /**
   * Applies what the journal holds up to `end` (null: all of it), then lets go of segments nobody needs.
   * @throws SqliteError or a file error; calling again goes on where it stopped.
   */
  advance(end: JournalPosition | null): void {
    for (;;) {
      if (this.#pending.length === 0) this.#pending = this.#reader.next(end);
      if (this.#pending.length === 0) break;
      const group = this.#pending.slice(0, GROUP_ENTRIES_MAX);
      this.#apply(group);
      this.#pending = this.#pending.slice(group.length);
    }
    this.#releaseSegments();
  }

  /** Makes the lines read so far safe against power loss. */
  sync(): void {
    this.#reader.sync();
  }

  /**
   * Ends every open leg with cause PROCESS_RESTARTED and removes the journal: for the start of a process, when
   * `advance(null)` has read all. @returns how many legs were closed.
   */
  closeOpenLegs(): number {
    const records = this.#open.closedRecords();
    const seqLast = this.#seqApplied + records.length;
    if (records.length > 0) {
      this.#transact(() => {
        records.forEach((record, i) => {
          this.#insertLeg(record, this.#seqApplied + 1 + i);
          this.#statements.deleteOpenLeg.run(record.legId);
        });
        this.#statements.setPosition.run(JOURNAL_ROW_ID, seqLast);
      });
      this.#seqApplied = seqLast;
      this.#seqInTables = seqLast;
      this.#recordsWritten += records.length;
    }
    this.#open.clear();
    this.#reader.close();
    for (const index of this.#reader.segments()) this.#reader.remove(index);
    return records.length;
  }

  /** Removes the segments when no open leg needs them: after the last `advance` of a process that stops in order. */
  removeSpentSegments(): void {
    if (this.#open.size > 0) return;
    for (const index of this.#reader.segments()) this.#reader.remove(index);
  }

  #apply(group: readonly PlacedEntry[]): void {
    const ends = group.filter(
      ({ entry }) => entry.fact.kind === 'leg.ended' && entry.seq > this.#seqInTables,
    );
    const seqLast = group.reduce(
      (highest, { entry }) => Math.max(highest, entry.seq),
      this.#seqApplied,
    );
    if (ends.length > 0) {
      this.#transact(() => {
        for (const { entry } of ends) {
          if (entry.fact.kind !== 'leg.ended') continue;
          this.#insertLeg(entry.fact.leg, entry.seq);
          if (this.#open.isInTable(entry.fact.leg.legId))
            this.#statements.deleteOpenLeg.run(entry.fact.leg.legId);
        }
        this.#statements.setPosition.run(JOURNAL_ROW_ID, seqLast);
      });
      this.#seqInTables = seqLast;
      this.#recordsWritten += ends.length;
    }
    // After the commit: a transaction that failed must find the bookkeeping as it was.
    for (const placed of group) this.#open.note(placed);
    this.#seqApplied = seqLast;
    this.#entriesApplied += group.length;
  }

  #insertLeg(leg: LegRecord, seq: number): void {
    const row = toLegRow(leg, seq);
    // Compiled from the first row: the builder takes columns in the row's own order, in which its values are bound.
    this.#insertStatement ??= this.#database.sqlite.prepare(
      this.#database.db
        .insertInto('legs')
        .values(row)
        .onConflict((conflict) => conflict.column('leg_id').doNothing())
        .compile().sql,
    );
    this.#insertStatement.run(Object.values(row));
  }

  #releaseSegments(): void {
    const current = this.#reader.segmentIndex;
    if (current === null) return;
    const held = this.#reader.segments().filter((index) => index < current);
    const newestToSave = held[held.length - 1 - SEGMENTS_HELD_MAX];
    if (newestToSave !== undefined) this.#saveOpenLegs(this.#open.pinnedUpTo(newestToSave));
    for (const index of held) {
      if (!this.#open.isFree(index)) break;
      this.#reader.remove(index);
    }
  }

  #saveOpenLegs(states: readonly OpenLegState[]): void {
    if (states.length === 0) return;
    this.#transact(() => {
      for (const state of states)
        this.#statements.saveOpenLeg.run(state.leg.legId, JSON.stringify(state));
      // The segments that go take their entries' numbers with them; the position must not fall behind those.
      this.#statements.setPosition.run(JOURNAL_ROW_ID, this.#seqApplied);
    });
    this.#seqInTables = this.#seqApplied;
    this.#open.markSaved(states);
  }

  #transact(run: () => void): void {
    this.#database.sqlite.transaction(run)();
    this.#commits += 1;
  }
}

/** SQL text comes from the builder; only its execution is SQLite's own, because a batch needs prepared statements. */
function prepareStatements({ sqlite, db }: OpenDatabase): Statements {
  const prepare = (query: { compile(): { readonly sql: string } }): Database.Statement =>
    sqlite.prepare(query.compile().sql);
  return {
    setPosition: prepare(
      db
        .insertInto('journal')
        .values({ id: JOURNAL_ROW_ID, seq_applied: 0 })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet((row) => ({ seq_applied: row.ref('excluded.seq_applied') })),
        ),
    ),
    saveOpenLeg: prepare(
      db
        .insertInto('open_legs')
        .values({ leg_id: '', state: '' })
        .onConflict((conflict) =>
          conflict.column('leg_id').doUpdateSet((row) => ({ state: row.ref('excluded.state') })),
        ),
    ),
    deleteOpenLeg: prepare(db.deleteFrom('open_legs').where('leg_id', '=', '')),
  };
}
