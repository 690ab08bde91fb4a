// Event records of the engine, decoded byte for byte.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endpointHandle } from '../../../src/base/index.ts';
import {
  COUNTERS,
  ENDPOINT_SLOT_VALUES,
  EVENT,
  EVENT_HEADER,
  EVENT_RECORD_BYTES,
  NODE_COUNTERS,
  NODE_SLOT_VALUES,
} from '../../../src/engine/contract.gen.ts';
import { decodeEvents } from '../../../src/engine/events.ts';
import type { EngineEvent } from '../../../src/engine/index.ts';
import { StatisticsReader } from '../../../src/engine/statistics.ts';

interface Header {
  readonly kind: number;
  readonly code?: number;
  readonly order?: number;
  readonly endpoint?: number;
}

/** One record; `fill` writes the kind's own fields. */
function record(header: Header, fill: (view: DataView) => void = () => undefined): DataView {
  const view = new DataView(new ArrayBuffer(EVENT_RECORD_BYTES));
  view.setUint16(EVENT_HEADER.kind, header.kind, true);
  view.setUint16(EVENT_HEADER.code, header.code ?? 0, true);
  view.setUint32(EVENT_HEADER.order, header.order ?? 0, true);
  view.setUint32(EVENT_HEADER.endpoint, header.endpoint ?? 0, true);
  fill(view);
  return view;
}

function decode(view: DataView): EngineEvent[] {
  const events: EngineEvent[] = [];
  decodeEvents(view, view.byteLength, events);
  return events;
}

test('an opened endpoint comes with its handle and both ports', () => {
  const view = record({ kind: 1, order: 5, endpoint: 0xffff_fff0 }, (fields) => {
    fields.setUint16(EVENT.endpointOpened.rtpPort, 20_000, true);
    fields.setUint16(EVENT.endpointOpened.rtcpPort, 20_001, true);
  });
  assert.equal(decode(view), [
    {
      kind: 'endpointOpened',
      order: 5,
      code: 'OK',
      endpoint: 0xffff_fff0,
      rtpPort: 20_000,
      rtcpPort: 20_001,
    },
  ]);
});

test('refusals carry the code by name', () => {
  assert.equal(decode(record({ kind: 2, code: 1, order: 6, endpoint: 9 })), [
    { kind: 'orderDone', order: 6, code: 'HANDLE_STALE', endpoint: 9 },
  ]);
});

test('a closed endpoint carries every counter in its place', () => {
  const view = record({ kind: 3, order: 1, endpoint: 2 }, (fields) => {
    COUNTERS.forEach((_, index) =>
      fields.setFloat64(EVENT.endpointClosed.counters + 8 * index, index + 0.5, true),
    );
  });
  const [event] = decode(view);
  assert.is(event?.kind, 'endpointClosed');
  if (event?.kind !== 'endpointClosed') return;
  assert.equal(
    event.counters,
    Object.fromEntries(COUNTERS.map((name, index) => [name, index + 0.5])),
  );
});

test('what happens to media is told with its endpoint, silence and source', () => {
  const latched = (family: number, bytes: readonly number[]): EngineEvent[] =>
    decode(
      record({ kind: 6, endpoint: 3 }, (fields) => {
        fields.setUint8(EVENT.latched.remote, family);
        fields.setUint16(EVENT.latched.remote + 2, 4000, true);
        bytes.forEach((byte, index) => fields.setUint8(EVENT.latched.remote + 4 + index, byte));
      }),
    );
  assert.equal(decode(record({ kind: 4, endpoint: 3 })), [{ kind: 'mediaStarted', endpoint: 3 }]);
  const timeout = record({ kind: 5, endpoint: 3 }, (fields) =>
    fields.setUint32(EVENT.mediaTimeout.silentMs, 61_000, true),
  );
  assert.equal(decode(timeout), [{ kind: 'mediaTimeout', endpoint: 3, silentMs: 61_000 }]);
  assert.equal(latched(4, [192, 0, 2, 7]), [
    { kind: 'latched', endpoint: 3, remote: { host: '192.0.2.7', port: 4000 } },
  ]);
  const v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  assert.equal(latched(6, v6), [
    { kind: 'latched', endpoint: 3, remote: { host: '2001:db8::1', port: 4000 } },
  ]);
});

test('a digit says which, how long, and whether it was an event or a tone', () => {
  const digit = (source: number): DataView =>
    record({ kind: 7, endpoint: 0xffff_fff0 }, (fields) => {
      fields.setUint8(EVENT.digit.digit, 11);
      fields.setUint8(EVENT.digit.source, source);
      fields.setUint32(EVENT.digit.durationMs, 70_000, true);
    });
  const heard = { kind: 'digit', endpoint: 0xffff_fff0, digit: 11, durationMs: 70_000 } as const;
  assert.equal(decode(digit(0)), [{ ...heard, source: 'event' }]);
  assert.equal(decode(digit(1)), [{ ...heard, source: 'tone' }]);
  assert.throws(() => decode(digit(2)), /2 is not in the contract.* event, tone/);
});

test('a kind or code outside the contract is our own mistake and throws', () => {
  assert.throws(() => decode(record({ kind: 99 })), /event kind 99/);
  assert.throws(() => decode(record({ kind: 2, code: 99 })), /99 is not in the contract/);
});

const SHAPE = { threads: 2, slotsPerThread: 3 };
const HANDLE = endpointHandle((1 << 26) | (5 << 14) | 2);

function statistics(): {
  readonly reader: StatisticsReader;
  readonly values: Float64Array;
  readonly slotAt: number;
} {
  const length =
    SHAPE.threads * NODE_SLOT_VALUES + SHAPE.threads * SHAPE.slotsPerThread * ENDPOINT_SLOT_VALUES;
  const buffer = new ArrayBuffer(8 * length);
  const slotAt =
    SHAPE.threads * NODE_SLOT_VALUES + (SHAPE.slotsPerThread + 2) * ENDPOINT_SLOT_VALUES;
  return { reader: new StatisticsReader(buffer, SHAPE), values: new Float64Array(buffer), slotAt };
}

test('an endpoint’s counters are read from its own slot, and only for its own handle', () => {
  const { reader, values, slotAt } = statistics();
  values[slotAt] = 4;
  values[slotAt + 1] = HANDLE;
  values[slotAt + 2] = 50;
  values[slotAt + 2 + COUNTERS.indexOf('jitterMs')] = 1.25;
  const counters = reader.endpoint(HANDLE);
  assert.is(counters?.packetsReceived, 50);
  assert.is(counters?.jitterMs, 1.25);
  assert.is(reader.endpoint(endpointHandle((1 << 26) | (6 << 14) | 2)), null);
  assert.is(reader.endpoint(endpointHandle((1 << 26) | (5 << 14) | 1)), null);
  assert.is(reader.endpoint(endpointHandle((63 << 26) >>> 0)), null);
  assert.is(reader.endpoint(endpointHandle((1 << 26) | (5 << 14) | 3)), null);
});

test('a slot whose writer died half-way is unreadable instead of half new', () => {
  const { reader, values, slotAt } = statistics();
  values[slotAt] = 5;
  values[slotAt + 1] = HANDLE;
  assert.is(reader.endpoint(HANDLE), null);
});

test('node counters are summed over the media threads, ticks are the slowest thread’s', () => {
  const { reader, values } = statistics();
  for (const [thread, packets, ticks] of [
    [0, 10, 700],
    [1, 5, 400],
  ] as const) {
    values[thread * NODE_SLOT_VALUES] = 2;
    values[thread * NODE_SLOT_VALUES + 1 + NODE_COUNTERS.indexOf('packetsSent')] = packets;
    values[thread * NODE_SLOT_VALUES + 1 + NODE_COUNTERS.indexOf('ticks')] = ticks;
  }
  assert.is(reader.node().packetsSent, 15);
  assert.is(reader.node().ticks, 400);
  assert.is(reader.node().icmpErrors, 0);
});

test.run();
