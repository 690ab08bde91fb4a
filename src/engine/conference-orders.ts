// Orders about conferences and who takes part in them, into records. What no record can hold is written so that the engine
// refuses it.
import { neverReached } from '../base/index.ts';
import { ORDER, ORDER_HEADER, PARTICIPANT_ROLES } from './contract.gen.ts';
import { byteOf, shortOf } from './field-values.ts';
import type { EngineOrder } from './types.ts';

export type ConferenceOrder = Extract<
  EngineOrder,
  {
    readonly kind: 'openConference' | 'closeConference' | 'setParticipant' | 'leaveConference';
  }
>;

/** How a record writes 0 dB. */
const GAIN_UNIT = 64;

/**
 * Writes the fields of one order behind its header.
 * @param view over records that are zero so far.
 * @param at   where this order’s begins.
 */
export function writeConferenceOrder(view: DataView, at: number, order: ConferenceOrder): void {
  switch (order.kind) {
    case 'openConference':
      view.setUint32(at + ORDER.openConference.affinity, order.affinity, true);
      view.setUint16(at + ORDER.openConference.capacity, shortOf(order.capacity), true);
      view.setUint8(at + ORDER.openConference.rateKhz, byteOf(order.rateKhz));
      view.setUint32(at + ORDER.openConference.partOf, order.partOf ?? 0, true);
      return;
    case 'closeConference':
      view.setUint32(at + ORDER_HEADER.endpoint, order.conference, true);
      return;
    case 'setParticipant':
      view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
      writeParticipant(view, at, order);
      return;
    case 'leaveConference':
      view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
      return;
    default:
      neverReached(order);
  }
}

function writeParticipant(
  view: DataView,
  at: number,
  order: Extract<ConferenceOrder, { kind: 'setParticipant' }>,
): void {
  const fields = ORDER.setParticipant;
  const { role } = order;
  view.setUint32(at + fields.conference, order.conference, true);
  view.setUint32(at + fields.coached, role.kind === 'coach' ? role.coached : 0, true);
  view.setUint8(at + fields.role, PARTICIPANT_ROLES.indexOf(role.kind));
  view.setUint8(at + fields.gainDbAbove64, byteOf(order.gainDb + GAIN_UNIT));
  view.setUint8(at + fields.levelled, order.levelled ? 1 : 0);
  view.setUint8(at + fields.passDigits, order.passDigits ? 1 : 0);
}
