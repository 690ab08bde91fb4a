// SIP without sockets (RFC 3261): messages, session descriptions, transactions, dialogs. The shell
// feeds SipCore and carries out its outputs; b2bua is its user.
export * from './types.ts';
export * from './message/index.ts';
export * from './sdp/index.ts';
export * from './auth/index.ts';
export { SipCore } from './core.ts';
export type { SipCoreOptions, SipCoreStats } from './core.ts';
export { defaultPort, localPointFor } from './core-routing.ts';
export { Dialog, recordRouteLines } from './dialog/dialog.ts';
export type { DialogOptions, DialogRequest, DialogRequestParts } from './dialog/dialog.ts';
export { sendTargetOf, sendTargetOfText } from './dialog/send-target.ts';
export { NO_TIMER, TICK_MS, TimerWheel } from './timer-wheel.ts';
export type { TimerHandle } from './timer-wheel.ts';
