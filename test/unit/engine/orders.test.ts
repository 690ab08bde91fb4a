// Orders to the engine, encoded byte for byte, and what is refused before it leaves.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endpointHandle, orderId } from '../../../src/base/index.ts';
import {
  ADDRESS_FAMILY_UNREADABLE,
  CLOCK_RATES_MAX,
  ORDER,
  ORDER_HEADER,
  ORDER_RECORD_BYTES,
} from '../../../src/engine/contract.gen.ts';
import type { EngineOrder } from '../../../src/engine/index.ts';
import { OrderEncoder } from '../../../src/engine/orders.ts';

type UpdateOrder = Extract<EngineOrder, { readonly kind: 'updateEndpoint' }>;

const HANDLE = endpointHandle(0xfedc_ba98);

const update = (fields: Partial<UpdateOrder>): UpdateOrder => ({
  kind: 'updateEndpoint',
  order: orderId(7),
  endpoint: HANDLE,
  remoteRtp: { host: '192.0.2.1', port: 4000 },
  remoteRtcp: null,
  rtcpMux: false,
  sourceRule: 'strict',
  inactivityMs: 60_000,
  clockRates: [],
  ...fields,
});

function encode(...orders: EngineOrder[]): DataView {
  const bytes = new OrderEncoder().encode(orders);
  assert.is(bytes.length, orders.length * ORDER_RECORD_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

test('each order becomes one record with its kind, number and endpoint', () => {
  const view = encode(
    { kind: 'openEndpoint', order: orderId(0xffff_ffff), affinity: 5, addressIndex: 1 },
    update({}),
    {
      kind: 'openLink',
      order: orderId(3),
      from: HANDLE,
      to: endpointHandle(9),
      payloadMap: [[0, 8]],
      mode: 'forward',
      conversions: [],
    },
    { kind: 'closeLink', order: orderId(4), from: HANDLE },
    { kind: 'closeEndpoint', order: orderId(5), endpoint: HANDLE },
  );
  const at = (record: number, offset: number): number => record * ORDER_RECORD_BYTES + offset;
  const kinds = [0, 1, 2, 3, 4].map((record) =>
    view.getUint16(at(record, ORDER_HEADER.kind), true),
  );
  assert.equal(kinds, [1, 2, 3, 4, 5]);
  const numbers = [0, 1, 2, 3, 4].map((record) =>
    view.getUint32(at(record, ORDER_HEADER.order), true),
  );
  assert.equal(numbers, [0xffff_ffff, 7, 3, 4, 5]);
  const handles = [1, 2, 3, 4].map((record) =>
    view.getUint32(at(record, ORDER_HEADER.endpoint), true),
  );
  assert.equal(handles, [HANDLE, HANDLE, HANDLE, HANDLE]);
  assert.is(view.getUint32(at(0, ORDER.openEndpoint.affinity), true), 5);
  assert.is(view.getUint32(at(0, ORDER.openEndpoint.addressIndex), true), 1);
  assert.is(view.getUint32(at(2, ORDER.openLink.to), true), 9);
  assert.is(view.getUint8(at(2, ORDER.openLink.payloadMap)), 8);
  assert.is(view.getUint8(at(2, ORDER.openLink.payloadMap + 1)), 255);
  assert.is(view.getUint8(at(2, ORDER.openLink.payloadMap + 127)), 255);
});

test('addresses of both families, and the absence of one, are written as bytes', () => {
  const v4 = encode(update({}));
  const at = ORDER.updateEndpoint.remoteRtp;
  assert.is(v4.getUint8(at), 4);
  assert.is(v4.getUint16(at + 2, true), 4000);
  assert.equal(
    [4, 5, 6, 7, 8].map((offset) => v4.getUint8(at + offset)),
    [192, 0, 2, 1, 0],
  );
  assert.is(v4.getUint8(ORDER.updateEndpoint.remoteRtcp), 0);
  const v6 = encode(update({ remoteRtp: { host: '2001:db8::1', port: 65535 } }));
  assert.is(v6.getUint8(at), 6);
  assert.is(v6.getUint16(at + 2, true), 65535);
  assert.equal(
    [4, 5, 6, 7, 19].map((offset) => v6.getUint8(at + offset)),
    [0x20, 0x01, 0x0d, 0xb8, 1],
  );
});

test('what is no IP literal or no port is marked unreadable instead of guessed at', () => {
  for (const host of [
    '',
    'example.com',
    '127.1',
    '0x7f.0.0.1',
    '192.0.2.256',
    '[2001:db8::1]',
    'fe80::1%eth0',
    '1.2.3.4.5',
  ]) {
    const view = encode(update({ remoteRtp: { host, port: 4000 } }));
    assert.is(view.getUint8(ORDER.updateEndpoint.remoteRtp), ADDRESS_FAMILY_UNREADABLE, host);
  }
  for (const port of [0, -1, 65536, 1.5, Number.NaN]) {
    const view = encode(update({ remoteRtp: { host: '192.0.2.1', port } }));
    assert.is(
      view.getUint8(ORDER.updateEndpoint.remoteRtp),
      ADDRESS_FAMILY_UNREADABLE,
      String(port),
    );
  }
});

test('clock rates ride packed, and too many or impossible ones make the order invalid', () => {
  const fields = ORDER.updateEndpoint;
  const good = encode(
    update({
      clockRates: [
        [0, 8000],
        [127, 90_000],
      ],
      rtcpMux: true,
      sourceRule: 'latch',
    }),
  );
  assert.is(good.getUint8(fields.clockRateCount), 2);
  assert.is(good.getUint32(fields.clockRates, true), 8000);
  assert.is(good.getUint32(fields.clockRates + 4, true), 127 * 2 ** 24 + 90_000);
  assert.is(good.getUint8(fields.rtcpMux), 1);
  assert.is(good.getUint8(fields.sourceRule), 1);
  assert.is(good.getUint32(fields.inactivityMs, true), 60_000);
  const many = Array.from({ length: CLOCK_RATES_MAX + 1 }, (_, type) => [type, 8000] as const);
  for (const clockRates of [
    many,
    [[128, 8000]] as const,
    [[0, -1]] as const,
    [[0, 2 ** 24]] as const,
  ]) {
    assert.is(encode(update({ clockRates })).getUint8(fields.clockRateCount), 255);
  }
});

test('a payload type that is none makes the link order invalid, wherever it stands', () => {
  for (const pair of [
    [0, 128],
    [128, 0],
    [-1, 0],
    [0, 255],
    [0.5, 0],
  ] as const) {
    for (const payloadMap of [
      [[0, 0], pair],
      [pair, [0, 0]],
    ] as const) {
      const order = orderId(1);
      const view = encode({
        kind: 'openLink',
        order,
        from: HANDLE,
        to: HANDLE,
        payloadMap,
        mode: 'forward',
        conversions: [],
      });
      assert.is(view.getUint8(ORDER.openLink.payloadMap), 128);
    }
  }
});

test('the buffer is used again without a trace of the batch before, and grows when it must', () => {
  const encoder = new OrderEncoder();
  encoder.encode([update({ clockRates: [[1, 8000]], rtcpMux: true })]);
  const again = encoder.encode([{ kind: 'closeLink', order: orderId(1), from: HANDLE }]);
  assert.equal(
    [...again.subarray(16)].filter((byte) => byte !== 0),
    [],
  );
  const many = encoder.encode(
    Array.from({ length: 500 }, (_, index) => update({ order: orderId(index) })),
  );
  assert.is(
    new DataView(many.buffer).getUint32(499 * ORDER_RECORD_BYTES + ORDER_HEADER.order, true),
    499,
  );
});

test.run();
