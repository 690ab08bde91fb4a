// Numbers as records hold them. What a field can’t hold is written as a number that means nothing there, so that the engine
// refuses the order by code: nothing is cut off or left out silently.

/** A byte and a word that no field means anything by. */
export const UNREADABLE = 0xff;
export const UNREADABLE_WORD = 0xffff_ffff;

/** A number that fits a byte, or one that the engine refuses. */
export function byteOf(value: number): number {
  return Number.isInteger(value) && value >= 0 && value < UNREADABLE ? value : UNREADABLE;
}

/** The same of two bytes; 0 is refused where it is used. */
export function shortOf(value: number): number {
  return isShort(value) && value > 0 ? value : 0;
}

/** The same of four bytes, or the greatest: later than any clip, longer than any call. */
export function wordOf(value: number): number {
  return Number.isInteger(value) && value >= 0 && value < UNREADABLE_WORD ? value : UNREADABLE_WORD;
}

/** Whether two bytes hold it. */
export function isShort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}
