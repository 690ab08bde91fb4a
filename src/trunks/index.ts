// Trunks: who may send us calls, where a number goes, which gateway is tried when, and how many calls are let in.
// Policy only: it decides and counts, and does nothing itself.
export * from './trunk.ts';
