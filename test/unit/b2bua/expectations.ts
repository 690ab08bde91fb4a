// What this folder's tests expect again and again.

/** `held` of a B2BUA at rest. */
export const NOTHING_HELD = {
  calls: 0,
  txns: 0,
  orders: 0,
  tags: 0,
  serverTxns: 0,
  endpoints: 0,
  timers: 0,
} as const;
