// Trunks: who may send us calls, where a number goes, which gateway is tried when, and how many calls are let in.
// Policy only: it decides and counts, and does nothing itself.
export * from './trunk.ts';
export * from './trunk-book.ts';
export { DIGITS_MAX, dialledText, readDialled } from './number-form.ts';
export type { Dialled } from './number-form.ts';
export { exactKey } from './select-route.ts';
export * from './plan-attempts.ts';
export * from './health.ts';
export * from './admission.ts';
