// Conferences: their orders encoded and their events decoded, byte for byte; what no record can hold must be refused by the
// engine.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { conferenceHandle, endpointHandle, orderId } from '../../../src/base/index.ts';
import {
  CODES,
  EVENT,
  EVENT_HEADER,
  EVENT_RECORD_BYTES,
  ORDER,
  ORDER_HEADER,
} from '../../../src/engine/contract.gen.ts';
import { decodeEvents } from '../../../src/engine/events.ts';
import type { EngineEvent, EngineOrder } from '../../../src/engine/index.ts';
import { recordOf } from '../../support/order-record.ts';

type OrderOf<Kind extends EngineOrder['kind']> = Extract<EngineOrder, { readonly kind: Kind }>;

const ENDPOINT = endpointHandle(0xfedc_ba98);
const CONFERENCE = conferenceHandle(0x8000_4001);
const ORDER_NUMBER = orderId(77);
/** A byte and a word that the engine refuses. */
const REFUSED = 0xff;

function opening(fields: Partial<OrderOf<'openConference'>> = {}): DataView {
  return recordOf({
    kind: 'openConference',
    order: ORDER_NUMBER,
    affinity: 0xffff_fffe,
    capacity: 1_000,
    rateKhz: 16,
    partOf: null,
    ...fields,
  });
}

function taking(fields: Partial<OrderOf<'setParticipant'>> = {}): DataView {
  return recordOf({
    kind: 'setParticipant',
    order: ORDER_NUMBER,
    endpoint: ENDPOINT,
    conference: CONFERENCE,
    role: { kind: 'talk' },
    gainDb: 0,
    levelled: false,
    passDigits: false,
    ...fields,
  });
}

test('a conference is opened with its thread, size and rate, as a part of another or of none', () => {
  const fields = ORDER.openConference;
  const view = opening();
  assert.is(view.getUint16(ORDER_HEADER.kind, true), 9);
  assert.is(view.getUint32(ORDER_HEADER.order, true), ORDER_NUMBER);
  assert.is(view.getUint32(fields.affinity, true), 0xffff_fffe);
  assert.is(view.getUint16(fields.capacity, true), 1_000);
  assert.is(view.getUint8(fields.rateKhz), 16);
  assert.is(view.getUint32(fields.partOf, true), 0);
  assert.is(opening({ partOf: CONFERENCE }).getUint32(fields.partOf, true), CONFERENCE);
});

test('a size or rate that no record holds is written as one that is refused', () => {
  const fields = ORDER.openConference;
  for (const capacity of [0, -1, 65_536, 2.5])
    assert.is(opening({ capacity }).getUint16(fields.capacity, true), 0);
  for (const rateKhz of [-8, 44.1, 256])
    assert.is(opening({ rateKhz }).getUint8(fields.rateKhz), REFUSED);
});

test('conferences are closed by their handle, and left by the endpoint’s', () => {
  const closing = recordOf({
    kind: 'closeConference',
    order: ORDER_NUMBER,
    conference: CONFERENCE,
  });
  assert.is(closing.getUint16(ORDER_HEADER.kind, true), 10);
  assert.is(closing.getUint32(ORDER_HEADER.endpoint, true), CONFERENCE);
  const leaving = recordOf({ kind: 'leaveConference', order: ORDER_NUMBER, endpoint: ENDPOINT });
  assert.is(leaving.getUint16(ORDER_HEADER.kind, true), 12);
  assert.is(leaving.getUint32(ORDER_HEADER.endpoint, true), ENDPOINT);
});

test('a participant has a role, a volume, and what becomes of its voice and digits', () => {
  const fields = ORDER.setParticipant;
  const plain = taking();
  assert.is(plain.getUint16(ORDER_HEADER.kind, true), 11);
  assert.is(plain.getUint32(ORDER_HEADER.endpoint, true), ENDPOINT);
  assert.is(plain.getUint32(fields.conference, true), CONFERENCE);
  const bytes = (view: DataView): number[] => [
    view.getUint8(fields.role),
    view.getUint8(fields.gainDbAbove64),
    view.getUint8(fields.levelled),
    view.getUint8(fields.passDigits),
  ];
  assert.equal(bytes(plain), [0, 64, 0, 0]);
  assert.equal(bytes(taking({ role: { kind: 'listen' }, gainDb: -60 })), [1, 4, 0, 0]);
  assert.equal(bytes(taking({ role: { kind: 'hold' }, levelled: true })), [3, 64, 1, 0]);
  const coach = taking({ role: { kind: 'coach', coached: endpointHandle(9) }, passDigits: true });
  assert.equal(bytes(coach), [2, 64, 0, 1]);
  assert.is(coach.getUint32(fields.coached, true), 9);
  for (const gainDb of [-65, 0.5, 192])
    assert.is(taking({ gainDb }).getUint8(fields.gainDbAbove64), REFUSED);
});

function decoded(
  kind: number,
  code: number,
  fill: (view: DataView) => void,
): EngineEvent | undefined {
  const view = new DataView(new ArrayBuffer(EVENT_RECORD_BYTES));
  view.setUint16(EVENT_HEADER.kind, kind, true);
  view.setUint16(EVENT_HEADER.code, code, true);
  view.setUint32(EVENT_HEADER.order, ORDER_NUMBER, true);
  view.setUint32(EVENT_HEADER.endpoint, CONFERENCE, true);
  fill(view);
  const events: EngineEvent[] = [];
  decodeEvents(view, EVENT_RECORD_BYTES, events);
  return events[0];
}

test('a conference that is opened, or refused, is told with its order', () => {
  const nothing = (): void => undefined;
  const answer = { kind: 'conferenceOpened', order: ORDER_NUMBER, conference: CONFERENCE };
  assert.equal(decoded(8, 0, nothing), { ...answer, code: 'OK' });
  assert.equal(decoded(8, CODES.indexOf('CONFERENCE_FULL'), nothing), {
    ...answer,
    code: 'CONFERENCE_FULL',
  });
});

test('who speaks is told by endpoint, and so is that nobody does', () => {
  const speaker = (handle: number): EngineEvent | undefined =>
    decoded(13, 0, (view) => view.setUint32(EVENT.speaker.speaking, handle, true));
  assert.equal(speaker(ENDPOINT), {
    kind: 'speaker',
    conference: CONFERENCE,
    speaking: ENDPOINT,
  });
  assert.equal(speaker(0), { kind: 'speaker', conference: CONFERENCE, speaking: null });
});

test.run();
