// One line of the call journal: how a fact becomes text and back. No files here.
//
//   1f2e3d4c {"s":42,"m":1234,"t":1767225600000,"e":{"kind":"leg.ringing",…}}\n
//   │         │      │        │                  └ the fact
//   │         │      │        └ epoch ms at which it was appended
//   │         │      └ monotonic ms of the writing process: measures between lines of one run
//   │         └ sequence number, rising, over the life of the store; 0 in a segment's first line
//   └ CRC-32 of the JSON text, 8 hex digits
import { crc32 } from 'node:zlib';
import type { DomainEvent, Now } from '../base/index.ts';

/** First line of each segment. `run` tells processes apart, because monotonic times compare only within one. */
export interface SegmentOpened {
  readonly kind: 'journal.opened';
  readonly run: number;
}

/** Written about once a second while legs are up, so that a crash dates their end to the second. */
export interface StillAlive {
  readonly kind: 'journal.alive';
}

export type JournalFact = DomainEvent | SegmentOpened | StillAlive;

export interface JournalEntry {
  readonly seq: number;
  readonly monoMs: number;
  readonly epochMs: number;
  readonly fact: JournalFact;
}

const CRC_DIGITS = 8;
const JSON_START = CRC_DIGITS + 1;
const SPACE = 0x20;
const HEX = '0123456789abcdef';
/** Of one UTF-16 unit. */
const UTF8_BYTES_MAX = 3;
/** Room for the facts of one message. */
const MEMORY_BYTES_FIRST = 8 * 1024;
const KINDS: ReadonlySet<string> = new Set([
  'leg.started',
  'leg.attempted',
  'leg.ringing',
  'leg.answered',
  'leg.ended',
  'journal.opened',
  'journal.alive',
] satisfies JournalFact['kind'][]);

/** The line of one fact, with its newline, as text. */
export function encodeLine(seq: number, now: Now, fact: JournalFact): string {
  const lines = new LineBuffer();
  lines.add(seq, now, fact);
  return lines.bytes.toString('utf8');
}

/**
 * Lines for one write, encoded in memory that is used again: as strings they would be copied for the checksum, for joining
 * and for writing.
 */
export class LineBuffer {
  #memory = Buffer.allocUnsafe(MEMORY_BYTES_FIRST);
  #end = 0;

  /** The lines added since `clear`; valid until the next `add` or `clear`. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#end);
  }

  clear(): void {
    this.#end = 0;
  }

  /** Adds the line of one fact. JSON escapes control characters, so a line holds no newline but its own. */
  add(seq: number, now: Now, fact: JournalFact): void {
    const text = `{"s":${seq},"m":${Math.round(now.mono)},"t":${now.epoch},"e":${JSON.stringify(fact)}}\n`;
    this.#reserve(JSON_START + text.length * UTF8_BYTES_MAX);
    const memory = this.#memory;
    const start = this.#end;
    const end = start + JSON_START + memory.write(text, start + JSON_START, 'utf8');
    // The checksum is of the JSON text without the newline.
    const crc = crc32(memory.subarray(start + JSON_START, end - 1));
    for (let digit = 0; digit < CRC_DIGITS; digit += 1)
      memory[start + digit] = HEX.charCodeAt((crc >>> (28 - 4 * digit)) & 0xf);
    memory[start + CRC_DIGITS] = SPACE;
    this.#end = end;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#memory.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#end + bytes));
    this.#memory.copy(larger, 0, 0, this.#end);
    this.#memory = larger;
  }
}

/**
 * Reads one line, given without its newline.
 * @returns null when the checksum, the JSON or the shape is wrong.
 */
export function decodeLine(line: Buffer): JournalEntry | null {
  if (line.length <= JSON_START || line[CRC_DIGITS] !== SPACE) return null;
  const json = line.subarray(JSON_START);
  if (Number.parseInt(line.toString('latin1', 0, CRC_DIGITS), 16) !== crc32(json)) return null;
  try {
    return toEntry(JSON.parse(json.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

// The checksum says that these bytes are ours and whole; what is left to check is that this version knows the kind.
function toEntry(value: unknown): JournalEntry | null {
  if (!isFields(value) || !isFields(value['e'])) return null;
  const { s: seq, m: monoMs, t: epochMs, e: fact } = value;
  if (typeof seq !== 'number' || typeof monoMs !== 'number' || typeof epochMs !== 'number')
    return null;
  return isFact(fact) ? { seq, monoMs, epochMs, fact } : null;
}

function isFact(value: unknown): value is JournalFact {
  return isFields(value) && typeof value['kind'] === 'string' && KINDS.has(value['kind']);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
