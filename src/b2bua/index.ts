// Calls: two legs joined, media anchored on the engine. The only room that gives orders to the engine.
export { B2bua } from './b2bua.ts';
export type {
  B2buaInput,
  B2buaOutput,
  B2buaSettings,
  CallPhase,
  LiveCall,
  LiveLeg,
  MediaAddress,
  SipNews,
  SipOrder,
} from './types.ts';
export { outcomeOf, outcomeOfStatus, reasonValue, statusForCaller } from './outcome.ts';
export type { Outcome } from './outcome.ts';
