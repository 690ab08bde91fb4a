// The calling thread's side of worker.ts: starts the thread, carries questions to it and answers back, notices its end.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { err, neverReached, ok, type CodedError, type Result } from '../base/index.ts';
import type { JournalPosition } from './journal.ts';
import type { LedgerCounters } from './ledger.ts';
import type { Answers, Question } from './queries.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './worker.ts';

/** Questions in flight, at most: the API must not be able to fill this process's memory. */
const QUESTIONS_MAX = 1_000;

export interface ThreadHandlers {
  readonly applied: (seq: number, legsOpen: number, counters: LedgerCounters) => void;
  readonly failed: (reason: string) => void;
  /** The thread ended although nobody closed it. */
  readonly lost: (reason: string) => void;
}

/** What the thread found when it opened. */
export type ThreadOpened = Extract<FromWorker, { readonly kind: 'opened' }>;

interface Waiting {
  readonly resolve: (answer: Result<Answers[Question['kind']], CodedError>) => void;
}

export class StoreThread {
  readonly #worker: Worker;
  readonly #handlers: ThreadHandlers;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #state: 'opening' | 'open' | 'closing' | 'ended' = 'opening';
  #onOpened: ((result: Result<ThreadOpened, string>) => void) | null = null;
  #onClosed: (() => void) | null = null;
  #lastError: string | null = null;

  private constructor(options: WorkerOptions, handlers: ThreadHandlers) {
    this.#handlers = handlers;
    this.#worker = startWorker(options);
    this.#worker.on('message', (message: FromWorker) => this.#handle(message));
    this.#worker.on('error', (error: unknown) => {
      this.#lastError = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on('exit', (code) =>
      this.#ended(this.#lastError ?? `the thread ended with code ${code}`),
    );
  }

  /** Starts the thread and waits until it has the database open and the journal replayed. */
  static async open(
    options: WorkerOptions,
    handlers: ThreadHandlers,
  ): Promise<Result<{ readonly thread: StoreThread; readonly opened: ThreadOpened }, string>> {
    const thread = new StoreThread(options, handlers);
    const result = await new Promise<Result<ThreadOpened, string>>((resolve) => {
      thread.#onOpened = resolve;
    });
    return result.ok ? ok({ thread, opened: result.value }) : result;
  }

  advance(end: JournalPosition, sync: boolean): void {
    if (this.#state === 'open') this.#send({ kind: 'advance', end, sync });
  }

  /** Asks one question. STORE_UNAVAILABLE when the thread is gone, the database refuses, or too many ask. */
  async ask<Q extends Question>(question: Q): Promise<Result<Answers[Q['kind']], CodedError>> {
    if (this.#state !== 'open') return err(unavailable('the store is closed'));
    if (this.#waiting.size >= QUESTIONS_MAX)
      return err(unavailable(`${QUESTIONS_MAX} questions are waiting already`));
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<Result<Answers[Question['kind']], CodedError>>((resolve) => {
      this.#waiting.set(id, { resolve });
    });
    this.#send({ kind: 'ask', id, question });
    // The worker answers a question with the value of its kind; that pairing is `answer` in queries.ts.
    return (await answer) as Result<Answers[Q['kind']], CodedError>;
  }

  /** Applies the journal up to `end`, closes the database and ends the thread. */
  async close(end: JournalPosition | null): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      this.#send({ kind: 'close', end });
    });
  }

  #handle(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        this.#state = 'open';
        this.#settleOpening(ok(message));
        return;
      case 'refused':
        this.#settleOpening(err(message.reason));
        return;
      case 'applied':
        this.#handlers.applied(message.seq, message.legsOpen, message.counters);
        return;
      case 'failed':
        this.#handlers.failed(message.reason);
        return;
      case 'answer':
        this.#settle(message.id, ok(message.value));
        return;
      case 'noAnswer':
        this.#settle(message.id, err(unavailable(message.reason)));
        return;
      case 'closed':
        if (message.reason !== null) this.#handlers.failed(message.reason);
        return;
      default:
        neverReached(message);
    }
  }

  #settle(id: number, result: Result<Answers[Question['kind']], CodedError>): void {
    this.#waiting.get(id)?.resolve(result);
    this.#waiting.delete(id);
  }

  #settleOpening(result: Result<ThreadOpened, string>): void {
    this.#onOpened?.(result);
    this.#onOpened = null;
  }

  #ended(reason: string): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'ended';
    this.#settleOpening(err(reason));
    for (const id of [...this.#waiting.keys()]) this.#settle(id, err(unavailable(reason)));
    this.#onClosed?.();
    if (wasOpen) this.#handlers.lost(reason);
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

export function unavailable(message: string): CodedError {
  return { code: 'STORE_UNAVAILABLE', message };
}

/**
 * From sources (tests, development) the thread needs the TypeScript loader, which Node 20 does not hand to threads; a
 * line of script registers it first. The compiled program starts its file directly.
 */
function startWorker(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./worker.js', import.meta.url), { workerData: options });
  const loader = createRequire(import.meta.url).resolve('tsx/cjs/api');
  const entry = fileURLToPath(new URL('./worker.ts', import.meta.url));
  const source = `require(${JSON.stringify(loader)}).register(); require(${JSON.stringify(entry)});`;
  return new Worker(source, { eval: true, workerData: options });
}
