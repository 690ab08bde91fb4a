// What the store offers to the process that opens it. How it keeps its promises: journal.ts (the facts of live calls),
// writer.ts (facts to SQL) and worker.ts (the thread that owns the database).
import type {
  CallId,
  CodedError,
  DomainEvent,
  EpochMs,
  LegRecord,
  Log,
  Now,
  Result,
} from '../base/index.ts';

/** Runs `run` once after `delayMs`; the answer takes it back. The shell owns the timers, tests bring their own. */
export type Schedule = (delayMs: number, run: () => void) => () => void;

export interface StoreOptions {
  /** `sqlite:` and a file path, relative to the working directory; the folder is made when missing. */
  readonly url: string;
  /** Folder of the call journal, mode 0700; made when missing. One process at a time may use it. */
  readonly journalDir: string;
  readonly log: Log;
  readonly now: () => Now;
  readonly schedule: Schedule;
  /** Called at each change of health, also from inside `append`; must not call the store. */
  readonly onHealth?: (health: StoreHealth) => void;
  /** File calls of the journal; tests hand in one that fails. */
  readonly journalFiles?: JournalFiles;
}

/** The few file calls the journal makes on the calling thread, in the shape of `node:fs`. Each may throw. */
export interface JournalFiles {
  /** Creates a file that must not exist yet, mode 0600, for appending. */
  open(path: string): number;
  /** One write(2); answers the number of bytes taken, which may be fewer than given. */
  write(fd: number, bytes: Uint8Array): number;
  truncate(fd: number, sizeBytes: number): void;
  close(fd: number): void;
}

export interface StoreHealth {
  /** False while facts can't be made durable: new work must be refused with STORE_UNAVAILABLE. */
  readonly available: boolean;
  /** What refuses, for people: `journal: ENOSPC ...`, `database: SQLITE_FULL ...`; null when available. */
  readonly reason: string | null;
}

/** What `openStore` found in the journal of the process before. */
export interface RecoveryReport {
  readonly entriesReplayed: number;
  /** Legs that had started but not ended; each got a record with cause PROCESS_RESTARTED. */
  readonly legsClosed: number;
  /** Lines cut short by a crash or a full disk, at the end of a segment. */
  readonly linesTorn: number;
  /** Whole lines whose checksum or JSON is wrong: the disk lied. */
  readonly linesCorrupt: number;
}

/** Figures since the store was opened; counters only grow. */
export interface StoreStats {
  readonly eventsAppended: number;
  readonly appendFailures: number;
  /** Events that wait in memory because the journal refuses; 0 when healthy. */
  readonly eventsWaiting: number;
  /** Events given up because the waiting room was full. Anything but 0 is an incident. */
  readonly eventsLost: number;
  readonly legsOpen: number;
  readonly recordsWritten: number;
  readonly commits: number;
  readonly commitFailures: number;
  /** Journal entries not yet known to be in SQL. */
  readonly entriesBehind: number;
}

/** Times select by a leg's end: `from` <= ended < `to`. A row is committed later than that, after a crash much later. */
export interface LegFilter {
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly trunk?: string;
}

export interface LegQuery extends LegFilter {
  /** Rows wanted, 1 to 1000. */
  readonly limit: number;
  /** `nextCursor` or `resumeCursor` of the page before. */
  readonly cursor?: string;
}

export interface LegPage {
  /** In the order of their commit. */
  readonly legs: readonly LegRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
  /** Behind the last row of this page: gives, at any later time, what was committed after it. */
  readonly resumeCursor: string;
}

/** What the HTTP API may make and the store keeps: objects that are not in the YAML file. */
export type ObjectKind = 'trunk' | 'route';

export interface StoredObject {
  readonly kind: ObjectKind;
  /** A trunk's name; a route's prefix, `default` for the empty one. Unique within its kind. */
  readonly name: string;
  /** As validated by the caller; the store keeps it as JSON text and does not look inside. */
  readonly body: unknown;
  readonly updatedAt: EpochMs;
}

/**
 * Calls' facts and API-made objects, durable. All SQL runs in the store's worker thread; no method but `append` touches
 * a file on the calling thread, and none throws for a full or failing disk.
 */
export interface Store {
  /**
   * Makes facts durable against the death of this process: one write(2) for the whole batch, no fsync.
   * Facts reach the database within some tens of milliseconds, from the journal.
   * @returns true when written; false when the journal refuses: the facts then wait in memory, in order, and health says so.
   */
  append(events: readonly DomainEvent[]): boolean;
  readonly health: StoreHealth;
  readonly recovery: RecoveryReport;
  stats(): StoreStats;
  /** Resolves when all that was appended before is committed in the database, or with STORE_UNAVAILABLE. */
  settled(): Promise<Result<void, CodedError>>;
  /** Finished legs. STORE_UNAVAILABLE; REQUEST_INVALID for a cursor that is none of ours. */
  listLegs(query: LegQuery): Promise<Result<LegPage, CodedError>>;
  /** The finished legs of one call, in the order they ended; empty for an unknown call. */
  findCall(callId: CallId): Promise<Result<readonly LegRecord[], CodedError>>;
  listObjects(kind: ObjectKind): Promise<Result<readonly StoredObject[], CodedError>>;
  /** Inserts or replaces; durable when it resolves. */
  putObject(kind: ObjectKind, name: string, body: unknown): Promise<Result<void, CodedError>>;
  /** @returns whether there was one. */
  deleteObject(kind: ObjectKind, name: string): Promise<Result<boolean, CodedError>>;
  /** Commits what the journal holds, then closes the thread and the files. Later calls answer STORE_UNAVAILABLE; twice is fine. */
  close(): Promise<void>;
}
