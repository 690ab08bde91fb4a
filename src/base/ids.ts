// Branded identifiers: one kind can't be passed where another is meant.
import type { Random } from './random.ts';
import type { EpochMs } from './time.ts';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** One conversation. `CL` + 32 hex digits. */
export type CallId = Branded<string, 'CallId'>;
/** One party of a call. `CA` + 32 hex digits. */
export type LegId = Branded<string, 'LegId'>;
/** A trunk's configured name. */
export type TrunkId = Branded<string, 'TrunkId'>;
/** A client transaction, numbered by the transaction user. */
export type ClientTxnId = Branded<number, 'ClientTxnId'>;
/** A server transaction, numbered by the SIP core. */
export type ServerTxnId = Branded<number, 'ServerTxnId'>;
/** An order to the media engine, numbered by whoever gives it; unsigned 32 bit. */
export type OrderId = Branded<number, 'OrderId'>;
/** A media endpoint in the engine: thread, slot and generation packed in an unsigned 32-bit number. */
export type EndpointHandle = Branded<number, 'EndpointHandle'>;
/** A clip that the engine holds ready to be played; unsigned 32 bit. */
export type ClipHandle = Branded<number, 'ClipHandle'>;

/** A conference in the engine, or the part of one on a media thread; packed in the same way. */
export type ConferenceHandle = Branded<number, 'ConferenceHandle'>;

export const callId = (value: string): CallId => value as CallId;
export const legId = (value: string): LegId => value as LegId;
export const trunkId = (value: string): TrunkId => value as TrunkId;
export const clientTxnId = (value: number): ClientTxnId => value as ClientTxnId;
export const serverTxnId = (value: number): ServerTxnId => value as ServerTxnId;
export const orderId = (value: number): OrderId => value as OrderId;
export const endpointHandle = (value: number): EndpointHandle => value as EndpointHandle;
export const clipHandle = (value: number): ClipHandle => value as ClipHandle;
export const conferenceHandle = (value: number): ConferenceHandle => value as ConferenceHandle;

const DATE_DIGITS = 12;
const CHANCE_BYTES = 10;

/**
 * A new identifier: the prefix, 12 hex digits of the moment, 20 of chance. Identifiers made one after the other lie side by
 * side in an index, so a database writes a few of its pages instead of one for each row; 80 bits of chance keep them apart.
 * @param epoch dates the identifier for people; clocks that step back cost order, never uniqueness.
 */
export function mintId(prefix: string, epoch: EpochMs, random: Random): string {
  const date = Math.max(0, Math.floor(epoch)).toString(16).padStart(DATE_DIGITS, '0');
  return `${prefix}${date.slice(-DATE_DIGITS)}${random.hex(CHANCE_BYTES)}`;
}

/** A new call's id. */
export const mintCallId = (epoch: EpochMs, random: Random): CallId =>
  callId(mintId('CL', epoch, random));
/** A new leg's id. */
export const mintLegId = (epoch: EpochMs, random: Random): LegId =>
  legId(mintId('CA', epoch, random));
