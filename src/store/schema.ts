// Tables and their history, in words that SQLite and PostgreSQL both understand: text, integer, bigint, double precision.
import type { ColumnType, Kysely, Migration, MigrationProvider } from 'kysely';

/** A finished leg (CDR). Times are epoch milliseconds; those of things that did not happen are null. */
export interface LegRow {
  leg_id: string;
  /** Rises with the order of commit; equals the journal sequence number of the leg's end. */
  seq: number;
  call_id: string;
  direction: string;
  trunk: string | null;
  gateway: string | null;
  sip_call_id: string;
  caller: string;
  called: string;
  called_original: string;
  auth_identity: string | null;
  started_at: number;
  ringing_at: number | null;
  answered_at: number | null;
  ended_at: number;
  duration_ms: number;
  pdd_ms: number | null;
  final_status: number;
  cause: string;
  q850: number | null;
  reason_header: string | null;
  ended_by: string;
  codec: string | null;
  routes_tried: string;
  /** The figures of LegMedia are null together, when the leg had no media; the latest two also in records from before them. */
  packets_received: number | null;
  octets_received: number | null;
  packets_sent: number | null;
  octets_sent: number | null;
  packets_lost: number | null;
  jitter_ms: number | null;
  packets_refused: number | null;
  mos: number | null;
  /** 0 or 1; null in a record from before there was transcoding, like the next. */
  transcoded: number | null;
  srtp: string | null;
  packets_late: number | null;
  concealed_ms: number | null;
  playout_delay_ms: number | null;
}

/** A leg that is up while the journal segment of its start had to go. `state` is open-legs.ts's, as JSON. */
export interface OpenLegRow {
  leg_id: string;
  state: string;
}

/** One row: which journal entries the tables already hold. */
export interface JournalRow {
  id: number;
  seq_applied: number;
}

/** An API-made trunk or route. */
export interface ObjectRow {
  name: string;
  body: string;
  updated_at: ColumnType<number, number, number>;
}

export interface Tables {
  legs: LegRow;
  open_legs: OpenLegRow;
  journal: JournalRow;
  trunks: ObjectRow;
  routes: ObjectRow;
}

const callRecords: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('legs')
      .addColumn('leg_id', 'text', (column) => column.notNull().primaryKey())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('call_id', 'text', (column) => column.notNull())
      .addColumn('direction', 'text', (column) => column.notNull())
      .addColumn('trunk', 'text')
      .addColumn('gateway', 'text')
      .addColumn('sip_call_id', 'text', (column) => column.notNull())
      .addColumn('caller', 'text', (column) => column.notNull())
      .addColumn('called', 'text', (column) => column.notNull())
      .addColumn('called_original', 'text', (column) => column.notNull())
      .addColumn('auth_identity', 'text')
      .addColumn('started_at', 'bigint', (column) => column.notNull())
      .addColumn('ringing_at', 'bigint')
      .addColumn('answered_at', 'bigint')
      .addColumn('ended_at', 'bigint', (column) => column.notNull())
      .addColumn('duration_ms', 'bigint', (column) => column.notNull())
      .addColumn('pdd_ms', 'bigint')
      .addColumn('final_status', 'integer', (column) => column.notNull())
      .addColumn('cause', 'text', (column) => column.notNull())
      .addColumn('q850', 'integer')
      .addColumn('reason_header', 'text')
      .addColumn('ended_by', 'text', (column) => column.notNull())
      .addColumn('codec', 'text')
      .addColumn('routes_tried', 'text', (column) => column.notNull())
      .addColumn('packets_received', 'bigint')
      .addColumn('octets_received', 'bigint')
      .addColumn('packets_sent', 'bigint')
      .addColumn('octets_sent', 'bigint')
      .addColumn('packets_lost', 'bigint')
      .addColumn('jitter_ms', 'double precision')
      .addColumn('packets_refused', 'bigint')
      .addColumn('mos', 'double precision')
      .execute();
    await db.schema.createIndex('legs_by_end').on('legs').columns(['ended_at', 'seq']).execute();
    await db.schema.createIndex('legs_by_call').on('legs').column('call_id').execute();
    await db.schema
      .createTable('open_legs')
      .addColumn('leg_id', 'text', (column) => column.notNull().primaryKey())
      .addColumn('state', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('journal')
      .addColumn('id', 'integer', (column) => column.notNull().primaryKey())
      .addColumn('seq_applied', 'bigint', (column) => column.notNull())
      .execute();
  },
};

const apiObjects: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const table of ['trunks', 'routes']) {
      await db.schema
        .createTable(table)
        .addColumn('name', 'text', (column) => column.notNull().primaryKey())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .execute();
    }
  },
};

const commitOrder: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.createIndex('legs_by_commit').on('legs').column('seq').execute();
    await db.schema.createIndex('legs_by_trunk').on('legs').columns(['trunk', 'seq']).execute();
  },
};

const decodedAudio: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    // One column a statement: SQLite adds no more at once.
    await db.schema.alterTable('legs').addColumn('transcoded', 'integer').execute();
    await db.schema.alterTable('legs').addColumn('srtp', 'text').execute();
    await db.schema.alterTable('legs').addColumn('packets_late', 'bigint').execute();
    await db.schema.alterTable('legs').addColumn('concealed_ms', 'bigint').execute();
  },
};

const playoutDelay: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('legs').addColumn('playout_delay_ms', 'double precision').execute();
  },
};

/** Names are for ever: an installed database remembers them. New ones go at the end. */
export const migrations: MigrationProvider = {
  getMigrations: () =>
    Promise.resolve({
      '0001-call-records': callRecords,
      '0002-api-objects': apiObjects,
      '0003-commit-order': commitOrder,
      '0004-decoded-audio': decodedAudio,
      '0005-playout-delay': playoutDelay,
    }),
};
