// The writing end of the call journal, on the thread of the calls: one write(2) a batch, never an fsync.
//
// A written line is in the page cache, so it outlives kill -9 of this process. The worker thread reads the lines back
// (journal-reader.ts), moves them to the database and removes whole segments. When the disk refuses, lines wait here in
// memory, in order; `retry` writes them once there is room.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DomainEvent, Now } from '../base/index.ts';
import { encodeLine, LineBuffer, type JournalFact } from './entry.ts';
import type { JournalFiles } from './types.ts';

/** A segment is closed at the first batch that finds it this large. */
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** How much further a segment may grow when its successor can't be created (no inode, no descriptor). */
const SEGMENT_BYTES_GRACE = 1024 * 1024;
/** Characters that may wait in memory while the disk refuses: the ends of some 60,000 legs. */
const WAITING_CHARS_MAX = 64 * 1024 * 1024;
/** Characters written at once when the disk takes lines again. */
const RETRY_CHARS_MAX = 256 * 1024;

const SEGMENT_NAME = /^calls-(\d{10})\.jsonl$/;

/** File name of a segment. */
export function segmentName(index: number): string {
  return `calls-${String(index).padStart(10, '0')}.jsonl`;
}

/** Number of a segment by its file name; null for any other file. */
export function segmentIndexOf(name: string): number | null {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** `node:fs` as the journal uses it. */
export const nodeFiles: JournalFiles = {
  open: (path) => openSync(path, 'ax', 0o600),
  write: (fd, bytes) => writeSync(fd, bytes),
  truncate: (fd, sizeBytes) => ftruncateSync(fd, sizeBytes),
  close: (fd) => closeSync(fd),
};

/** How far the journal is written: lines up to `sizeBytes` of this segment, and all of the segments before. */
export interface JournalPosition {
  readonly segmentIndex: number;
  readonly sizeBytes: number;
  /** Of the last line written. */
  readonly seq: number;
}

export interface JournalOptions {
  readonly dir: string;
  readonly files: JournalFiles;
  readonly now: () => Now;
  /** First sequence number of this run; names the run, too. */
  readonly seqFirst: number;
  readonly segmentIndexFirst: number;
}

interface Segment {
  readonly index: number;
  readonly fd: number;
  sizeBytes: number;
  sizeBytesMax: number;
}

interface WaitingLine {
  readonly seq: number;
  readonly text: string;
}

export class Journal {
  readonly #options: JournalOptions;
  #segment: Segment | null = null;
  #segmentIndexNext: number;
  #seqNext: number;
  #position: JournalPosition | null = null;
  /** Of the append under way. */
  readonly #lines = new LineBuffer();
  #waiting: WaitingLine[] = [];
  #waitingChars = 0;
  #linesLost = 0;
  #failures = 0;
  #reason: string | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#segmentIndexNext = options.segmentIndexFirst;
    this.#seqNext = options.seqFirst;
  }

  /** Why the disk refuses; null while it takes lines. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Null until the first line is written. */
  get position(): JournalPosition | null {
    return this.#position;
  }

  get counters(): {
    readonly failures: number;
    readonly linesWaiting: number;
    readonly linesLost: number;
  } {
    return {
      failures: this.#failures,
      linesWaiting: this.#waiting.length,
      linesLost: this.#linesLost,
    };
  }

  /** Appends facts in one write. @returns false when they wait in memory instead, or are lost because that is full. */
  append(events: readonly DomainEvent[]): boolean {
    return events.length === 0 ? this.#reason === null : this.#appendFacts(events);
  }

  /** Notes that the process lives; leaves no line when the disk refuses, since a late one would tell nothing. */
  appendAlive(): void {
    if (this.#waiting.length === 0) this.#appendFacts([{ kind: 'journal.alive' }]);
  }

  /** Writes what waits, oldest first; a sign of life when nothing does. @returns true when the disk takes lines again. */
  retry(): boolean {
    if (this.#waiting.length === 0)
      return this.#reason === null || this.#appendFacts([{ kind: 'journal.alive' }]);
    let done = 0;
    while (done < this.#waiting.length) {
      let text = '';
      let end = done;
      let seqLast = 0;
      for (; end < this.#waiting.length && text.length < RETRY_CHARS_MAX; end += 1) {
        const line = this.#waiting[end];
        if (line === undefined) break;
        text += line.text;
        seqLast = line.seq;
      }
      if (!this.#write(Buffer.from(text, 'utf8'), seqLast)) break;
      done = end;
      this.#waitingChars -= text.length;
    }
    this.#waiting = this.#waiting.slice(done);
    return this.#waiting.length === 0;
  }

  /** Closes the file; lines that still wait are lost and counted. */
  close(): void {
    this.#linesLost += this.#waiting.length;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#dropSegment();
  }

  #appendFacts(facts: readonly JournalFact[]): boolean {
    const now = this.#options.now();
    const seqFirst = this.#seqNext;
    this.#seqNext += facts.length;
    if (this.#waiting.length === 0) {
      this.#lines.clear();
      for (let i = 0; i < facts.length; i += 1) {
        const fact = facts[i];
        if (fact !== undefined) this.#lines.add(seqFirst + i, now, fact);
      }
      if (this.#write(this.#lines.bytes, this.#seqNext - 1)) return true;
    }
    for (let i = 0; i < facts.length; i += 1) {
      const fact = facts[i];
      if (fact !== undefined && fact.kind !== 'journal.alive') this.#keep(seqFirst + i, now, fact);
    }
    return false;
  }

  #keep(seq: number, now: Now, fact: JournalFact): void {
    const text = encodeLine(seq, now, fact);
    if (this.#waitingChars + text.length > WAITING_CHARS_MAX) {
      this.#linesLost += 1;
      return;
    }
    this.#waiting.push({ seq, text });
    this.#waitingChars += text.length;
  }

  /** All of the lines or none of them: a part that got in before the disk refused is cut off again. */
  #write(lines: Buffer, seqLast: number): boolean {
    try {
      const segment = this.#segmentFor();
      const bytes = segment.sizeBytes === 0 ? Buffer.concat([this.#header(), lines]) : lines;
      let taken = 0;
      try {
        while (taken < bytes.length) {
          const count = this.#options.files.write(
            segment.fd,
            taken === 0 ? bytes : bytes.subarray(taken),
          );
          if (count <= 0) throw new Error('write took 0 bytes');
          taken += count;
        }
      } catch (error) {
        if (taken > 0) this.#cutBack(segment);
        throw error;
      }
      segment.sizeBytes += bytes.length;
      this.#position = { segmentIndex: segment.index, sizeBytes: segment.sizeBytes, seq: seqLast };
      this.#reason = null;
      return true;
    } catch (error) {
      this.#failures += 1;
      this.#reason = `journal: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
  }

  #header(): Buffer {
    const opened = { kind: 'journal.opened', run: this.#options.seqFirst } as const;
    return Buffer.from(encodeLine(0, this.#options.now(), opened), 'utf8');
  }

  #segmentFor(): Segment {
    const current = this.#segment;
    if (current !== null && current.sizeBytes < current.sizeBytesMax) return current;
    const index = this.#segmentIndexNext;
    // Also when creation fails: a half-made file of this name would make every later try fail as "exists".
    this.#segmentIndexNext += 1;
    try {
      const fd = this.#options.files.open(join(this.#options.dir, segmentName(index)));
      this.#dropSegment();
      this.#segment = { index, fd, sizeBytes: 0, sizeBytesMax: SEGMENT_BYTES_MAX };
      return this.#segment;
    } catch (error) {
      if (current === null) throw error;
      // The full segment still takes lines; better a long segment than a refused call.
      current.sizeBytesMax = current.sizeBytes + SEGMENT_BYTES_GRACE;
      return current;
    }
  }

  /** When even the cut fails the torn line stays, and the next write goes to a fresh segment: tears are legal only at ends. */
  #cutBack(segment: Segment): void {
    try {
      this.#options.files.truncate(segment.fd, segment.sizeBytes);
    } catch {
      this.#dropSegment();
    }
  }

  #dropSegment(): void {
    if (this.#segment === null) return;
    try {
      this.#options.files.close(this.#segment.fd);
    } catch {
      // A descriptor that can't be closed is gone all the same (close(2)); its lines were counted when written.
    }
    this.#segment = null;
  }
}
