// Orders into records, many in one buffer that is used again and again.
import { neverReached } from '../base/index.ts';
import { writeAddress } from './address.ts';
import {
  CLOCK_RATES_MAX,
  ORDER,
  ORDER_HEADER,
  ORDER_RECORD_BYTES,
  PAYLOAD_TYPE_DROPPED,
  SOURCE_RULES,
} from './contract.gen.ts';
import type { EngineOrder } from './types.ts';

/** A clock-rate count that no record can hold: the engine answers ORDER_INVALID. */
const CLOCK_RATES_TOO_MANY = 0xff;
const CLOCK_RATE_HZ_MAX = 0xff_ffff;
const PAYLOAD_TYPES = 128;

export class OrderEncoder {
  #bytes = new Uint8Array(64 * ORDER_RECORD_BYTES);
  #view = new DataView(this.#bytes.buffer);

  /**
   * Encodes a batch.
   * @returns the records, valid until the next call. What an order holds that no record can (a host name, a payload
   *          type above 127) is encoded so that the engine refuses that order by code; nothing is left out silently.
   */
  encode(orders: readonly EngineOrder[]): Uint8Array {
    const length = orders.length * ORDER_RECORD_BYTES;
    if (length > this.#bytes.length) {
      this.#bytes = new Uint8Array(2 * length);
      this.#view = new DataView(this.#bytes.buffer);
    } else {
      this.#bytes.fill(0, 0, length);
    }
    orders.forEach((order, index) => this.#write(index * ORDER_RECORD_BYTES, order));
    return this.#bytes.subarray(0, length);
  }

  #write(at: number, order: EngineOrder): void {
    const view = this.#view;
    view.setUint16(at + ORDER_HEADER.kind, ORDER[order.kind].kind, true);
    view.setUint32(at + ORDER_HEADER.order, order.order, true);
    switch (order.kind) {
      case 'openEndpoint':
        view.setUint32(at + ORDER.openEndpoint.affinity, order.affinity, true);
        view.setUint32(at + ORDER.openEndpoint.addressIndex, order.addressIndex, true);
        return;
      case 'updateEndpoint':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        this.#writeUpdate(at, order);
        return;
      case 'openLink':
        view.setUint32(at + ORDER_HEADER.endpoint, order.from, true);
        view.setUint32(at + ORDER.openLink.to, order.to, true);
        this.#writePayloadMap(at + ORDER.openLink.payloadMap, order.payloadMap);
        return;
      case 'closeLink':
        view.setUint32(at + ORDER_HEADER.endpoint, order.from, true);
        return;
      case 'closeEndpoint':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        return;
      default:
        neverReached(order);
    }
  }

  #writeUpdate(at: number, order: Extract<EngineOrder, { readonly kind: 'updateEndpoint' }>): void {
    const view = this.#view;
    const fields = ORDER.updateEndpoint;
    writeAddress(view, at + fields.remoteRtp, order.remoteRtp);
    writeAddress(view, at + fields.remoteRtcp, order.remoteRtcp);
    view.setUint32(at + fields.inactivityMs, order.inactivityMs, true);
    view.setUint8(at + fields.rtcpMux, order.rtcpMux ? 1 : 0);
    view.setUint8(at + fields.sourceRule, SOURCE_RULES.indexOf(order.sourceRule));
    const rates = order.clockRates;
    const encodable = rates.every(
      ([type, hz]) => payloadTypeValid(type) && hz >= 0 && hz <= CLOCK_RATE_HZ_MAX,
    );
    if (rates.length > CLOCK_RATES_MAX || !encodable) {
      view.setUint8(at + fields.clockRateCount, CLOCK_RATES_TOO_MANY);
      return;
    }
    view.setUint8(at + fields.clockRateCount, rates.length);
    rates.forEach(([type, hz], index) =>
      view.setUint32(at + fields.clockRates + 4 * index, ((type << 24) | hz) >>> 0, true),
    );
  }

  #writePayloadMap(at: number, map: readonly (readonly [number, number])[]): void {
    this.#bytes.fill(PAYLOAD_TYPE_DROPPED, at, at + PAYLOAD_TYPES);
    if (map.every(([from, to]) => payloadTypeValid(from) && payloadTypeValid(to)))
      for (const [from, to] of map) this.#view.setUint8(at + from, to);
    // Neither a payload type nor "dropped": the engine refuses the order.
    else this.#view.setUint8(at, PAYLOAD_TYPES);
  }
}

function payloadTypeValid(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < PAYLOAD_TYPES;
}
