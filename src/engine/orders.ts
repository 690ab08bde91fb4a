// Orders into records, many in one buffer that is used again and again.
import { neverReached } from '../base/index.ts';
import { writeAddress } from './address.ts';
import {
  BUFFER_SIZES,
  CLOCK_RATES_MAX,
  LINK_MODES,
  ORDER,
  ORDER_HEADER,
  ORDER_RECORD_BYTES,
  PAYLOAD_CONVERSIONS,
  PAYLOAD_KINDS,
  PAYLOAD_TYPE_DROPPED,
  SOURCE_RULES,
  SRTP_SUITES,
} from './contract.gen.ts';
import { writeConferenceOrder } from './conference-orders.ts';
import { byteOf, shortOf, UNREADABLE, wordOf } from './field-values.ts';
import { writeSoundOrder } from './sound-orders.ts';
import type { EngineOrder, SentAudio, SrtpSecret, SrtpSuite } from './types.ts';

/** A clock-rate count that no record can hold: the engine answers ORDER_INVALID. */
const CLOCK_RATES_TOO_MANY = 0xff;
const CLOCK_RATE_HZ_MAX = 0xff_ffff;
const PAYLOAD_TYPES = 128;
const CONVERSIONS_MAX = 4;
const RECEIVED_PAYLOADS_MAX = 16;
const MKI_BYTES_MAX = 4;
const DIGITS_MAX = 64;

/** Bytes of master key and master salt (RFC 3711 §8.2, RFC 7714 §12). */
const SECRET_LENGTHS: Readonly<Record<SrtpSuite, { readonly key: number; readonly salt: number }>> =
  {
    off: { key: 0, salt: 0 },
    aesCm128Tag80: { key: 16, salt: 14 },
    aesCm128Tag32: { key: 16, salt: 14 },
    aeadAes128Gcm: { key: 16, salt: 12 },
    aeadAes256Gcm: { key: 32, salt: 12 },
  };

type OrderOf<Kind extends EngineOrder['kind']> = Extract<EngineOrder, { readonly kind: Kind }>;

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
        this.#writeLinkWork(at, order);
        return;
      case 'closeLink':
        view.setUint32(at + ORDER_HEADER.endpoint, order.from, true);
        return;
      case 'closeEndpoint':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        return;
      case 'setKeys':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        this.#writeKeys(at, order);
        return;
      case 'setAudio':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        this.#writeAudio(at, order);
        return;
      case 'sendDigits':
        view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
        this.#writeDigits(at, order);
        return;
      case 'loadClip':
      case 'unloadClip':
      case 'play':
      case 'playTone':
      case 'stopPlay':
      case 'startRecording':
      case 'pauseRecording':
      case 'stopRecording':
      case 'detectSpeech':
        writeSoundOrder(view, at, order);
        return;
      case 'openConference':
      case 'closeConference':
      case 'setParticipant':
      case 'leaveConference':
        writeConferenceOrder(view, at, order);
        return;
      default:
        neverReached(order);
    }
  }

  #writeUpdate(at: number, order: OrderOf<'updateEndpoint'>): void {
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

  #writeLinkWork(at: number, { mode, conversions }: OrderOf<'openLink'>): void {
    const view = this.#view;
    const fields = ORDER.openLink;
    view.setUint8(at + fields.mode, LINK_MODES.indexOf(mode));
    if (conversions.length > CONVERSIONS_MAX) {
      view.setUint8(at + fields.conversionCount, UNREADABLE);
      return;
    }
    view.setUint8(at + fields.conversionCount, conversions.length);
    conversions.forEach(([payloadType, conversion], index) => {
      const type = payloadTypeValid(payloadType) ? payloadType : UNREADABLE;
      const packed = (PAYLOAD_CONVERSIONS.indexOf(conversion) << 8) | type;
      view.setUint16(at + fields.conversions + 2 * index, packed, true);
    });
  }

  #writeKeys(at: number, { suite, keys }: OrderOf<'setKeys'>): void {
    const fields = ORDER.setKeys;
    if ((suite === 'off') !== (keys === null)) {
      this.#view.setUint8(at + fields.suite, UNREADABLE);
      return;
    }
    this.#view.setUint8(at + fields.suite, SRTP_SUITES.indexOf(suite));
    if (keys === null) return;
    const sent = this.#writeSecret(at + fields.sendKey, at + fields.sendMki, suite, keys.send);
    const received = this.#writeSecret(
      at + fields.receiveKey,
      at + fields.receiveMki,
      suite,
      keys.receive,
    );
    if (!sent || !received) this.#view.setUint8(at + fields.suite, UNREADABLE);
    this.#view.setUint8(at + fields.sendMkiBytes, keys.send.mki.length);
    this.#view.setUint8(at + fields.receiveMkiBytes, keys.receive.mki.length);
  }

  /** Key and salt one after the other. @returns false when one of them hasn’t its length. */
  #writeSecret(at: number, mkiAt: number, suite: SrtpSuite, secret: SrtpSecret): boolean {
    const { key, salt, mki } = secret;
    const lengths = SECRET_LENGTHS[suite];
    if (key.length !== lengths.key || salt.length !== lengths.salt || mki.length > MKI_BYTES_MAX)
      return false;
    this.#bytes.set(key, at);
    this.#bytes.set(salt, at + key.length);
    this.#bytes.set(mki, mkiAt);
    return true;
  }

  #writeAudio(at: number, order: OrderOf<'setAudio'>): void {
    const view = this.#view;
    const fields = ORDER.setAudio;
    view.setUint8(at + fields.bufferSize, BUFFER_SIZES.indexOf(order.bufferSize));
    view.setUint8(at + fields.detectTones, order.detectTones ? 1 : 0);
    view.setUint8(at + fields.muteDigits, order.muteDigits ? 1 : 0);
    this.#writeSent(at, order.send);
    if (order.receive.length > RECEIVED_PAYLOADS_MAX) {
      view.setUint8(at + fields.receiveCount, UNREADABLE);
      return;
    }
    view.setUint8(at + fields.receiveCount, order.receive.length);
    order.receive.forEach(({ payloadType, kind, rateKhz }, index) => {
      const type = payloadTypeValid(payloadType) ? payloadType : UNREADABLE;
      const packed = (byteOf(rateKhz) << 16) | (PAYLOAD_KINDS.indexOf(kind) << 8) | type;
      view.setUint32(at + fields.receive + 4 * index, packed, true);
    });
  }

  #writeSent(at: number, send: SentAudio | null): void {
    const view = this.#view;
    const fields = ORDER.setAudio;
    const types = [
      [fields.sendPayloadType, send?.payloadType],
      [fields.eventPayloadType, send?.event?.payloadType],
      [fields.comfortPayloadType, send?.comfortPayloadType],
      [fields.redundancyPayloadType, send?.redundancyPayloadType],
    ] as const;
    for (const [offset, type] of types) {
      view.setUint8(at + offset, encodedType(type ?? null));
    }
    if (send === null) return;
    view.setUint8(at + fields.sendKind, PAYLOAD_KINDS.indexOf(send.kind));
    view.setUint8(at + fields.sendRateKhz, byteOf(send.rateKhz));
    view.setUint8(at + fields.packetMs, byteOf(send.packetMs));
    view.setUint8(at + fields.eventRateKhz, byteOf(send.event?.rateKhz ?? 0));
    view.setUint8(at + fields.opusFec, send.opus.fec ? 1 : 0);
    view.setUint8(at + fields.opusDtx, send.opus.dtx ? 1 : 0);
    view.setUint8(at + fields.opusCbr, send.opus.cbr ? 1 : 0);
    view.setUint8(at + fields.opusComplexity, byteOf(send.opus.complexity));
    view.setUint8(at + fields.opusLossPercent, byteOf(send.opus.lossPercent));
    view.setUint32(at + fields.opusBitrateBps, wordOf(send.opus.bitrateBps), true);
    view.setUint32(at + fields.opusPlaybackRateHz, wordOf(send.opus.playbackRateHz), true);
  }

  #writeDigits(at: number, order: OrderOf<'sendDigits'>): void {
    const view = this.#view;
    const fields = ORDER.sendDigits;
    const count = order.digits.length;
    view.setUint8(at + fields.count, count > DIGITS_MAX ? UNREADABLE : count);
    view.setUint16(at + fields.toneMs, shortOf(order.toneMs), true);
    view.setUint16(at + fields.pauseMs, shortOf(order.pauseMs), true);
    order.digits
      .slice(0, DIGITS_MAX)
      .forEach((digit, index) => view.setUint8(at + fields.digits + index, byteOf(digit)));
  }
}

/** `PAYLOAD_TYPE_DROPPED` means "none" there; what is no payload type at all must not. */
function encodedType(type: number | null): number {
  if (type === null) return PAYLOAD_TYPE_DROPPED;
  return payloadTypeValid(type) ? type : PAYLOAD_TYPES;
}

function payloadTypeValid(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < PAYLOAD_TYPES;
}
