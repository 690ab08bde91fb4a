// The reading end of the call journal, in the worker thread: after a crash over all that is left, and while the process
// lives behind the writing end. One way of reading for both, so recovery is exercised by every call.
import { closeSync, fdatasyncSync, openSync, readdirSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { decodeLine, type JournalEntry } from './entry.ts';
import { segmentIndexOf, segmentName, type JournalPosition } from './journal.ts';

const CHUNK_BYTES = 256 * 1024;
/** A line longer than this is taken for garbage; a real one is under 4 KiB, but headers inside it may be long. */
const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

/** An entry and the segment it stands in. */
export interface PlacedEntry {
  readonly segmentIndex: number;
  readonly entry: JournalEntry;
}

export class JournalReader {
  readonly #dir: string;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #segmentIndex: number | null = null;
  #fd: number | null = null;
  #offsetBytes = 0;
  #rest: Buffer = Buffer.alloc(0);
  #linesTorn = 0;
  #linesCorrupt = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get counters(): { readonly linesTorn: number; readonly linesCorrupt: number } {
    return { linesTorn: this.#linesTorn, linesCorrupt: this.#linesCorrupt };
  }

  /** The segment read last; null before the first. */
  get segmentIndex(): number | null {
    return this.#segmentIndex;
  }

  /** Segments on disk, ascending. */
  segments(): readonly number[] {
    return readdirSync(this.#dir)
      .map(segmentIndexOf)
      .filter((index) => index !== null)
      .sort((a, b) => a - b);
  }

  /**
   * The next entries in order.
   * @param end how far the writer has got; null reads every segment to its end of file.
   * @returns about one chunk's entries; empty at the end. May throw for a failing disk and then be called again.
   */
  next(end: JournalPosition | null): readonly PlacedEntry[] {
    const entries: PlacedEntry[] = [];
    while (entries.length === 0) {
      const index = this.#segmentIndex;
      if (this.#fd === null || index === null) {
        if (!this.#openNext(end)) return entries;
        continue;
      }
      const wanted =
        end !== null && end.segmentIndex === index
          ? end.sizeBytes - this.#offsetBytes
          : CHUNK_BYTES;
      const count =
        wanted <= 0
          ? 0
          : readSync(this.#fd, this.#chunk, 0, Math.min(wanted, CHUNK_BYTES), this.#offsetBytes);
      if (count > 0) {
        this.#offsetBytes += count;
        this.#takeLines(this.#chunk.subarray(0, count), index, entries);
      } else if (!this.#openNext(end)) return entries;
    }
    return entries;
  }

  /** Makes the segment being read safe against power loss, too. */
  sync(): void {
    if (this.#fd !== null) fdatasyncSync(this.#fd);
  }

  remove(segmentIndex: number): void {
    unlinkSync(join(this.#dir, segmentName(segmentIndex)));
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #openNext(end: JournalPosition | null): boolean {
    const current = this.#segmentIndex ?? -1;
    const last = end?.segmentIndex ?? Number.MAX_SAFE_INTEGER;
    const next =
      current >= last
        ? undefined
        : this.segments().find((index) => index > current && index <= last);
    if (next === undefined) {
      // With no bound this is the end of the last segment, where a crash leaves its torn line.
      if (end === null) this.#countRest();
      return false;
    }
    // The last chance to make a segment safe against power loss before the next is read.
    if (end !== null) this.sync();
    this.#countRest();
    const fd = openSync(join(this.#dir, segmentName(next)), 'r');
    this.close();
    this.#fd = fd;
    this.#segmentIndex = next;
    this.#offsetBytes = 0;
    return true;
  }

  #countRest(): void {
    if (this.#rest.length > 0) this.#linesTorn += 1;
    this.#rest = Buffer.alloc(0);
  }

  #takeLines(chunk: Buffer, segmentIndex: number, entries: PlacedEntry[]): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, start)) {
      const entry = decodeLine(bytes.subarray(start, at));
      if (entry === null) this.#linesCorrupt += 1;
      else entries.push({ segmentIndex, entry });
      start = at + 1;
    }
    // Copied: the chunk's memory is read into again.
    this.#rest = Buffer.from(bytes.subarray(start));
    if (this.#rest.length > LINE_BYTES_MAX) {
      this.#linesCorrupt += 1;
      this.#rest = Buffer.alloc(0);
    }
  }
}
