// The store's thread: the only one that touches the database. It reads the journal behind the writing thread, answers
// questions between two groups, and says how it goes.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { makeFolder, neverReached } from '../base/index.ts';
import { lockFolder, openDatabase, type OpenDatabase } from './database.ts';
import type { JournalPosition } from './journal.ts';
import { JournalReader } from './journal-reader.ts';
import { Ledger, type LedgerCounters } from './ledger.ts';
import { answer, type Answers, type Question } from './queries.ts';
import type { RecoveryReport } from './types.ts';

export interface WorkerOptions {
  readonly path: string;
  readonly journalDir: string;
  readonly start: WorkerStart;
}

export type WorkerStart =
  /** A process begins: what its predecessor left is replayed, its open legs closed, its journal removed. */
  | { readonly kind: 'recover' }
  /** Only the thread begins anew: the journal is being written, so far up to `end`. */
  | { readonly kind: 'resume'; readonly end: JournalPosition | null };

export type ToWorker =
  /** The journal is written this far. `sync`: also against power loss. */
  | { readonly kind: 'advance'; readonly end: JournalPosition; readonly sync: boolean }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'close'; readonly end: JournalPosition | null };

export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly report: RecoveryReport;
      readonly seqNext: number;
      readonly segmentIndexNext: number;
    }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'applied';
      readonly seq: number;
      readonly legsOpen: number;
      readonly counters: LedgerCounters;
    }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[Question['kind']] }
  | { readonly kind: 'noAnswer'; readonly id: number; readonly reason: string }
  | { readonly kind: 'closed'; readonly reason: string | null };

class StoreWorker {
  readonly #port: MessagePort;
  readonly #lock: Database.Database;
  readonly #database: OpenDatabase;
  readonly #reader: JournalReader;
  readonly #ledger: Ledger;

  constructor(
    port: MessagePort,
    lock: Database.Database,
    database: OpenDatabase,
    reader: JournalReader,
    ledger: Ledger,
  ) {
    this.#port = port;
    this.#lock = lock;
    this.#database = database;
    this.#reader = reader;
    this.#ledger = ledger;
  }

  handle(message: ToWorker): void {
    switch (message.kind) {
      case 'advance':
        this.#advance(message.end, message.sync);
        return;
      case 'ask':
        void this.#answer(message.id, message.question);
        return;
      case 'close':
        void this.#close(message.end);
        return;
      default:
        neverReached(message);
    }
  }

  #advance(end: JournalPosition, sync: boolean): void {
    try {
      this.#ledger.advance(end);
      if (sync) this.#ledger.sync();
      const { seqApplied, legsOpen, counters } = this.#ledger;
      this.#send({ kind: 'applied', seq: seqApplied, legsOpen, counters });
    } catch (error) {
      this.#send({ kind: 'failed', reason: reasonOf(error) });
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    try {
      this.#send({ kind: 'answer', id, value: await answer(this.#database.db, question) });
    } catch (error) {
      this.#send({ kind: 'noAnswer', id, reason: reasonOf(error) });
    }
  }

  async #close(end: JournalPosition | null): Promise<void> {
    let reason: string | null = null;
    try {
      if (end !== null) this.#ledger.advance(end);
      this.#ledger.removeSpentSegments();
    } catch (error) {
      reason = reasonOf(error);
    }
    this.#reader.close();
    // Closes the connection as well; waits for a question that is being answered.
    await this.#database.db.destroy();
    this.#lock.close();
    this.#send({ kind: 'closed', reason });
    this.#port.close();
  }

  #send(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

async function open(port: MessagePort, options: WorkerOptions): Promise<void> {
  const send = (message: FromWorker): void => port.postMessage(message);
  let lock: Database.Database | null = null;
  let database: OpenDatabase | null = null;
  try {
    makeFolder(options.journalDir, 0o700);
    lock = lockFolder(options.journalDir);
    if (lock === null) throw new Error(`${options.journalDir} is in use by another process`);
    database = await openDatabase(options.path);
    const reader = new JournalReader(options.journalDir);
    const segmentLast = reader.segments().at(-1) ?? 0;
    const ledger = await Ledger.open(database, reader);
    const legsClosed = replay(ledger, options.start);
    const worker = new StoreWorker(port, lock, database, reader, ledger);
    port.on('message', (message: ToWorker) => worker.handle(message));
    send({
      kind: 'opened',
      report: { entriesReplayed: ledger.counters.entriesApplied, legsClosed, ...reader.counters },
      seqNext: ledger.seqApplied + 1,
      segmentIndexNext: segmentLast + 1,
    });
  } catch (error) {
    database?.sqlite.close();
    lock?.close();
    send({ kind: 'refused', reason: reasonOf(error) });
    port.close();
  }
}

/** @returns how many legs were closed. */
function replay(ledger: Ledger, start: WorkerStart): number {
  if (start.kind === 'recover') {
    ledger.advance(null);
    return ledger.closeOpenLegs();
  }
  if (start.end !== null) ledger.advance(start.end);
  return 0;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' && !error.message.includes(error.code)
    ? `${error.code} ${error.message}`
    : error.message;
}

// Workers get their options by structured clone from store-thread.ts of this same room, which types them.
if (parentPort !== null) void open(parentPort, workerData as WorkerOptions);
