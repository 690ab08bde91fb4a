// Joins the call journal (this thread) and the database (its own thread) to the store that the server opens, and
// decides when each is told to go on and whether the whole is healthy.
import {
  err,
  ok,
  type CallId,
  type CodedError,
  type DomainEvent,
  type LegRecord,
  type Result,
} from '../base/index.ts';
import { Journal, nodeFiles, type JournalPosition } from './journal.ts';
import type { LedgerCounters } from './ledger.ts';
import { isCursor } from './queries.ts';
import {
  StoreThread,
  unavailable,
  type ThreadHandlers,
  type ThreadOpened,
} from './store-thread.ts';
import type {
  LegPage,
  LegQuery,
  ObjectKind,
  RecoveryReport,
  Store,
  StoredObject,
  StoreHealth,
  StoreOptions,
  StoreStats,
} from './types.ts';
import type { WorkerStart } from './worker.ts';

/** Facts wait so long for company before the database is told: bounds a record's delay, sets the size of a group. */
const COMMIT_DELAY_MS = 25;
/** So many facts don't wait. */
const COMMIT_EVENTS_MAX = 500;
/** How often a failing disk or thread is tried again. */
const RETRY_DELAY_MS = 500;
/** How exactly a crash's end is dated, and how much of the calls' starts a power cut may take. */
const ALIVE_INTERVAL_MS = 1_000;

const SQLITE_PREFIX = 'sqlite:';

/**
 * Opens the database, replays what a crash left in the journal, and closes the legs it left open.
 * @returns STORE_UNAVAILABLE with the reason when the database or the journal's folder can't be used, or another
 * process uses it; CONFIG_INVALID for a URL of another kind. The caller owns the store and calls `close`.
 */
export async function openStore(options: StoreOptions): Promise<Result<Store, CodedError>> {
  const path = options.url.startsWith(SQLITE_PREFIX) ? options.url.slice(SQLITE_PREFIX.length) : '';
  if (path === '') {
    return err({
      code: 'CONFIG_INVALID',
      message: `store.url '${options.url}': allowed is sqlite: and a file path`,
    });
  }
  return CallStore.open(path, options);
}

class CallStore implements Store {
  readonly #path: string;
  readonly #options: StoreOptions;
  #thread: StoreThread | null = null;
  #journal: Journal | null = null;
  #recovery: RecoveryReport = { entriesReplayed: 0, legsClosed: 0, linesTorn: 0, linesCorrupt: 0 };
  #closing: Promise<void> | null = null;

  #eventsAppended = 0;
  #legsStarted = 0;
  #legsEnded = 0;
  #eventsUntold = 0;
  #seqApplied = 0;
  #recordsBefore = 0;
  #commitsBefore = 0;
  #counters: LedgerCounters = { entriesApplied: 0, recordsWritten: 0, commits: 0 };
  #commitFailures = 0;
  #databaseReason: string | null = null;
  #available = true;
  #settlers: {
    readonly seq: number;
    readonly resolve: (result: Result<void, CodedError>) => void;
  }[] = [];

  #cancelCommit: (() => void) | null = null;
  #cancelRetry: (() => void) | null = null;
  #cancelAlive: (() => void) | null = null;

  private constructor(path: string, options: StoreOptions) {
    this.#path = path;
    this.#options = options;
  }

  static async open(path: string, options: StoreOptions): Promise<Result<Store, CodedError>> {
    const store = new CallStore(path, options);
    const opened = await store.#openThread({ kind: 'recover' });
    if (!opened.ok) return err(unavailable(`${path}: ${opened.error}`));
    const { report, seqNext, segmentIndexNext } = opened.value;
    store.#recovery = report;
    store.#seqApplied = seqNext - 1;
    store.#journal = new Journal({
      dir: options.journalDir,
      files: options.journalFiles ?? nodeFiles,
      now: options.now,
      seqFirst: seqNext,
      segmentIndexFirst: segmentIndexNext,
    });
    store.#scheduleAlive();
    return ok(store);
  }

  get recovery(): RecoveryReport {
    return this.#recovery;
  }

  get health(): StoreHealth {
    const reason =
      this.#journal === null
        ? 'the store is closed'
        : (this.#journal.reason ?? this.#databaseReason);
    return { available: reason === null, reason };
  }

  append(events: readonly DomainEvent[]): boolean {
    const journal = this.#journal;
    if (journal === null) return false;
    this.#eventsAppended += events.length;
    for (const event of events) {
      if (event.kind === 'leg.started') this.#legsStarted += 1;
      else if (event.kind === 'leg.ended') this.#legsEnded += 1;
    }
    const written = journal.append(events);
    this.#eventsUntold += events.length;
    if (written) this.#scheduleCommit();
    else this.#scheduleRetry();
    this.#checkHealth();
    return written;
  }

  stats(): StoreStats {
    const journal = this.#journal?.counters ?? { failures: 0, linesWaiting: 0, linesLost: 0 };
    return {
      eventsAppended: this.#eventsAppended,
      appendFailures: journal.failures,
      eventsWaiting: journal.linesWaiting,
      eventsLost: journal.linesLost,
      legsOpen: Math.max(0, this.#legsStarted - this.#legsEnded),
      recordsWritten: this.#recordsBefore + this.#counters.recordsWritten,
      commits: this.#commitsBefore + this.#counters.commits,
      commitFailures: this.#commitFailures,
      entriesBehind: Math.max(0, (this.#journal?.position?.seq ?? 0) - this.#seqApplied),
    };
  }

  async settled(): Promise<Result<void, CodedError>> {
    const journal = this.#journal;
    if (journal === null || this.#thread === null)
      return err(unavailable(this.health.reason ?? 'no thread'));
    if (journal.counters.linesWaiting > 0)
      return err(unavailable(journal.reason ?? 'events wait for the journal'));
    const seq = journal.position?.seq ?? 0;
    if (seq <= this.#seqApplied) return ok(undefined);
    return new Promise((resolve) => {
      this.#settlers.push({ seq, resolve });
      this.#commit({ sync: false });
    });
  }

  async listLegs(query: LegQuery): Promise<Result<LegPage, CodedError>> {
    if (query.cursor !== undefined && !isCursor(query.cursor)) {
      return err({
        code: 'REQUEST_INVALID',
        message: `cursor '${query.cursor}' is none this API gave`,
      });
    }
    return this.#ask((thread) => thread.ask({ kind: 'listLegs', query }));
  }

  async findCall(callId: CallId): Promise<Result<readonly LegRecord[], CodedError>> {
    return this.#ask((thread) => thread.ask({ kind: 'findCall', callId }));
  }

  async listObjects(kind: ObjectKind): Promise<Result<readonly StoredObject[], CodedError>> {
    return this.#ask((thread) => thread.ask({ kind: 'listObjects', objects: kind }));
  }

  async putObject(
    kind: ObjectKind,
    name: string,
    body: unknown,
  ): Promise<Result<void, CodedError>> {
    const at = this.#options.now().epoch;
    const result = await this.#ask((thread) =>
      thread.ask({ kind: 'putObject', objects: kind, name, body: JSON.stringify(body), at }),
    );
    return result.ok ? ok(undefined) : result;
  }

  async deleteObject(kind: ObjectKind, name: string): Promise<Result<boolean, CodedError>> {
    return this.#ask((thread) => thread.ask({ kind: 'deleteObject', objects: kind, name }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const journal = this.#journal;
    this.#cancelCommit?.();
    this.#cancelRetry?.();
    this.#cancelAlive?.();
    if (journal !== null && !journal.retry()) {
      this.#options.log.error(
        { events: journal.counters.linesWaiting, reason: journal.reason },
        'facts lost at close',
      );
    }
    this.#journal = null;
    await this.#closeThread(journal?.position ?? null);
    journal?.close();
    this.#failSettlers('the store was closed');
  }

  async #closeThread(end: JournalPosition | null): Promise<void> {
    await this.#thread?.close(end);
    this.#thread = null;
  }

  async #ask<T>(
    question: (thread: StoreThread) => Promise<Result<T, CodedError>>,
  ): Promise<Result<T, CodedError>> {
    return this.#thread === null
      ? err(unavailable(this.health.reason ?? 'no thread'))
      : question(this.#thread);
  }

  async #openThread(start: WorkerStart): Promise<Result<ThreadOpened, string>> {
    const handlers: ThreadHandlers = {
      applied: (seq, _legsOpen, counters) => this.#applied(seq, counters),
      failed: (reason) => this.#failed(reason),
      lost: (reason) => this.#lost(reason),
    };
    const result = await StoreThread.open(
      { path: this.#path, journalDir: this.#options.journalDir, start },
      handlers,
    );
    if (!result.ok) return result;
    this.#thread = result.value.thread;
    return ok(result.value.opened);
  }

  #applied(seq: number, counters: LedgerCounters): void {
    this.#seqApplied = Math.max(this.#seqApplied, seq);
    this.#counters = counters;
    this.#databaseReason = null;
    const settled = this.#settlers.filter((settler) => settler.seq <= seq);
    this.#settlers = this.#settlers.filter((settler) => settler.seq > seq);
    for (const settler of settled) settler.resolve(ok(undefined));
    this.#checkHealth();
  }

  #failed(reason: string): void {
    this.#commitFailures += 1;
    this.#databaseReason = `database: ${reason}`;
    this.#failSettlers(this.#databaseReason);
    this.#checkHealth();
    this.#scheduleRetry();
  }

  /** The thread's death costs no fact: a new one reads the journal on from where the tables stand. */
  #lost(reason: string): void {
    this.#thread = null;
    this.#recordsBefore += this.#counters.recordsWritten;
    this.#commitsBefore += this.#counters.commits;
    this.#counters = { entriesApplied: 0, recordsWritten: 0, commits: 0 };
    this.#failed(`store thread lost: ${reason}`);
  }

  #failSettlers(reason: string): void {
    const settlers = this.#settlers;
    this.#settlers = [];
    for (const settler of settlers) settler.resolve(err(unavailable(reason)));
  }

  #checkHealth(): void {
    const { health } = this;
    if (health.available === this.#available) return;
    this.#available = health.available;
    if (health.available) this.#options.log.info({}, 'store takes facts again');
    else this.#options.log.error({ reason: health.reason }, 'store unavailable');
    this.#options.onHealth?.(health);
  }

  #scheduleCommit(): void {
    if (this.#eventsUntold >= COMMIT_EVENTS_MAX) {
      this.#commit({ sync: false });
      return;
    }
    this.#cancelCommit ??= this.#options.schedule(COMMIT_DELAY_MS, () =>
      this.#commit({ sync: false }),
    );
  }

  #commit({ sync }: { readonly sync: boolean }): void {
    this.#cancelCommit?.();
    this.#cancelCommit = null;
    this.#eventsUntold = 0;
    const position = this.#journal?.position ?? null;
    if (position !== null) this.#thread?.advance(position, sync);
  }

  #scheduleRetry(): void {
    if (this.#journal === null) return;
    this.#cancelRetry ??= this.#options.schedule(RETRY_DELAY_MS, () => {
      this.#cancelRetry = null;
      void this.#retry();
    });
  }

  async #retry(): Promise<void> {
    const journal = this.#journal;
    if (journal === null) return;
    if (this.#thread === null) {
      const opened = await this.#openThread({ kind: 'resume', end: journal.position });
      if (this.#journal === null) {
        // Closed meanwhile, and `close` saw no thread.
        await this.#closeThread(null);
        return;
      }
      if (opened.ok) this.#applied(opened.value.seqNext - 1, this.#counters);
      else this.#failed(opened.error);
    }
    if (!journal.retry()) this.#scheduleRetry();
    this.#commit({ sync: false });
    this.#checkHealth();
  }

  #scheduleAlive(): void {
    this.#cancelAlive = this.#options.schedule(ALIVE_INTERVAL_MS, () => {
      this.#scheduleAlive();
      if (this.#legsStarted <= this.#legsEnded) return;
      this.#journal?.appendAlive();
      if (this.#journal !== null && this.#journal.reason !== null) this.#scheduleRetry();
      this.#commit({ sync: true });
      this.#checkHealth();
    });
  }
}
