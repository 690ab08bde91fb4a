// What the parties of a world do with one call; drawn by the seed.

/** A change of the call by re-INVITE. */
export interface ChangePlan {
  /** After the answer. */
  readonly afterMs: number;
  /** Asks the other side for an offer in place of making one. */
  readonly offersLate: boolean;
  /** Takes it back when it isn't answered by then; null: never. */
  readonly cancelAfterMs: number | null;
}

/** Digits said by INFO. */
export interface DigitPlan {
  /** The first one, after the answer. */
  readonly afterMs: number;
  readonly digits: readonly number[];
}

/** From one digit to the next: as fast as a person presses keys, and faster than a lost INFO is repeated. */
export const BETWEEN_DIGITS_MS = 200;

/** What a caller does with one call. */
export interface CallerPlan {
  readonly number: string;
  readonly offersLate: boolean;
  readonly cancelAfterMs: number | null;
  /** Null: waits for the other side to hang up. */
  readonly hangUpAfterMs: number | null;
  readonly change: ChangePlan | null;
  readonly keys: DigitPlan | null;
  /** How long it thinks about a re-INVITE. */
  readonly changeAnswerMs: number;
}

/** What a gateway does with one call. */
export interface CalleePlan {
  readonly ringAfterMs: number | null;
  readonly earlyMedia: boolean;
  /** Null: never answers at all. */
  readonly finalAfterMs: number | null;
  readonly status: number;
  readonly hangUpAfterMs: number | null;
  readonly change: ChangePlan | null;
  readonly keys: DigitPlan | null;
  readonly changeAnswerMs: number;
}

/** Busy at once: the plan of a number nobody planned. */
export const REFUSING: CalleePlan = {
  ringAfterMs: null,
  earlyMedia: false,
  finalAfterMs: 0,
  status: 486,
  hangUpAfterMs: null,
  change: null,
  keys: null,
  changeAnswerMs: 0,
};
