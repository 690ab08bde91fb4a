// The legs that are up, as the journal tells it: which facts are only in journal files, and how a leg is closed that
// its process left open. Pure bookkeeping for ledger.ts; no files, no SQL.
import {
  epochMs,
  ERRORS,
  neverReached,
  type DomainEvent,
  type EpochMs,
  type LegAttempt,
  type LegId,
  type LegRecord,
  type LegStart,
} from '../base/index.ts';
import type { JournalEntry } from './entry.ts';
import type { PlacedEntry } from './journal-reader.ts';

/** What is known of a leg that has not ended. Plain data: goes to the table `open_legs` as JSON. */
export interface OpenLegState {
  readonly leg: LegStart;
  /** The run whose monotonic clock the times below are of. */
  readonly run: number;
  readonly startedMonoMs: number;
  /** The attempt under way; absent before the first, on inbound legs, and in what older versions wrote. */
  readonly attempt?: LegAttempt;
  readonly ringing: Moment | null;
  readonly answered: Moment | null;
}

interface Moment {
  readonly at: EpochMs;
  readonly monoMs: number;
}

interface OpenLeg {
  state: OpenLegState;
  /** First segment with a fact of this leg that `open_legs` does not have; null when it has all. */
  pinnedSegment: number | null;
  inTable: boolean;
}

interface LastSign {
  readonly epochMs: number;
  readonly monoMs: number;
}

export class OpenLegs {
  readonly #legs = new Map<LegId, OpenLeg>();
  /** Legs that need a segment, by segment. */
  readonly #pins = new Map<number, number>();
  /** The latest line of each run. */
  readonly #lastSigns = new Map<number, LastSign>();
  #run = 0;

  get size(): number {
    return this.#legs.size;
  }

  /** Puts back what the table held when the database was opened. */
  load(state: OpenLegState): void {
    this.#legs.set(state.leg.legId, { state, pinnedSegment: null, inTable: true });
  }

  isInTable(legId: LegId): boolean {
    return this.#legs.get(legId)?.inTable === true;
  }

  /** Takes a journal entry into account; a repeated one changes nothing. */
  note({ entry, segmentIndex }: PlacedEntry): void {
    const { fact } = entry;
    if (fact.kind === 'journal.opened') this.#run = fact.run;
    this.#lastSigns.set(this.#run, { epochMs: entry.epochMs, monoMs: entry.monoMs });
    if (fact.kind !== 'journal.opened' && fact.kind !== 'journal.alive')
      this.#noteEvent(fact, entry, segmentIndex);
  }

  /** True when no leg needs this segment or an older one. */
  isFree(segmentIndex: number): boolean {
    for (const index of this.#pins.keys()) if (index <= segmentIndex) return false;
    return true;
  }

  /** States of the legs that need a segment up to this one: for the table, then `markSaved`. */
  pinnedUpTo(segmentIndex: number): readonly OpenLegState[] {
    const states: OpenLegState[] = [];
    for (const open of this.#legs.values()) {
      if (open.pinnedSegment !== null && open.pinnedSegment <= segmentIndex)
        states.push(open.state);
    }
    return states;
  }

  markSaved(states: readonly OpenLegState[]): void {
    for (const state of states) {
      const open = this.#legs.get(state.leg.legId);
      if (open === undefined) continue;
      this.#unpin(open);
      open.inTable = true;
    }
  }

  /** The records of all open legs as of the last sign of life of the process that had them. */
  closedRecords(): readonly LegRecord[] {
    return [...this.#legs.values()].map((open) =>
      closedRecord(open.state, this.#lastSigns.get(open.state.run) ?? null),
    );
  }

  clear(): void {
    this.#legs.clear();
    this.#pins.clear();
    this.#lastSigns.clear();
  }

  #noteEvent(event: DomainEvent, entry: JournalEntry, segmentIndex: number): void {
    switch (event.kind) {
      case 'leg.started':
        if (this.#legs.has(event.leg.legId)) return;
        this.#legs.set(event.leg.legId, {
          state: {
            leg: event.leg,
            run: this.#run,
            startedMonoMs: entry.monoMs,
            ringing: null,
            answered: null,
          },
          pinnedSegment: this.#pin(segmentIndex),
          inTable: false,
        });
        return;
      case 'leg.attempted': {
        const open = this.#legs.get(event.legId);
        if (open === undefined) return;
        open.state = { ...open.state, attempt: event.attempt };
        open.pinnedSegment ??= this.#pin(segmentIndex);
        return;
      }
      case 'leg.ringing':
      case 'leg.answered': {
        const open = this.#legs.get(event.legId);
        const word = event.kind === 'leg.ringing' ? 'ringing' : 'answered';
        if (open === undefined || open.state[word] !== null) return;
        open.state = { ...open.state, [word]: { at: event.at, monoMs: entry.monoMs } };
        open.pinnedSegment ??= this.#pin(segmentIndex);
        return;
      }
      case 'leg.ended': {
        const open = this.#legs.get(event.leg.legId);
        if (open === undefined) return;
        this.#unpin(open);
        this.#legs.delete(event.leg.legId);
        return;
      }
      default:
        neverReached(event);
    }
  }

  #pin(segmentIndex: number): number {
    this.#pins.set(segmentIndex, (this.#pins.get(segmentIndex) ?? 0) + 1);
    return segmentIndex;
  }

  #unpin(open: OpenLeg): void {
    if (open.pinnedSegment === null) return;
    const left = (this.#pins.get(open.pinnedSegment) ?? 1) - 1;
    if (left === 0) this.#pins.delete(open.pinnedSegment);
    else this.#pins.set(open.pinnedSegment, left);
    open.pinnedSegment = null;
  }
}

/** Reads what `open_legs` holds. @throws Error when it is not what this room wrote there. */
export function parseOpenLegState(text: string): OpenLegState {
  const value: unknown = JSON.parse(text);
  if (!isOpenLegState(value))
    throw new Error(`open_legs holds a state that is none: ${text.slice(0, 80)}`);
  return value;
}

function isOpenLegState(value: unknown): value is OpenLegState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'leg' in value &&
    'run' in value &&
    'startedMonoMs' in value
  );
}

/**
 * The record of a leg whose process died. Durations are monotonic, so a clock step before the crash doesn't show;
 * `endedAt` is the wall clock of the last line, yet never before the leg's own times.
 */
function closedRecord(state: OpenLegState, last: LastSign | null): LegRecord {
  const { leg, attempt, ringing, answered, startedMonoMs } = state;
  const known = Math.max(leg.startedAt, ringing?.at ?? 0, answered?.at ?? 0);
  const firstSign = ringing ?? answered;
  // Older versions wrote no gateway into a start.
  const gateway = attempt?.gateway ?? leg.gateway ?? null;
  return {
    ...leg,
    trunk: attempt?.trunk ?? leg.trunk,
    sipCallId: attempt?.sipCallId ?? leg.sipCallId,
    gateway,
    ringingAt: ringing?.at ?? null,
    answeredAt: answered?.at ?? null,
    endedAt: epochMs(last === null ? known : Math.max(last.epochMs, known)),
    durationMs: answered === null || last === null ? 0 : Math.max(0, last.monoMs - answered.monoMs),
    pddMs: firstSign === null ? null : Math.max(0, firstSign.monoMs - startedMonoMs),
    finalStatus: answered === null ? 0 : 200,
    cause: 'PROCESS_RESTARTED',
    q850: ERRORS.PROCESS_RESTARTED.q850,
    reasonHeader: null,
    endedBy: 'platform',
    codec: null,
    transcoded: false,
    srtp: null,
    media: null,
    routesTried: gateway === null ? '' : routesOf(attempt?.routesTried ?? '', gateway, answered),
  };
}

/** The gateways tried before, and the one that was being asked: `200` when it had answered, else nobody knows. */
function routesOf(before: string, gateway: string, answered: Moment | null): string {
  const last = `${gateway} ${answered === null ? '?' : '200'}`;
  return before === '' ? last : `${before},${last}`;
}
