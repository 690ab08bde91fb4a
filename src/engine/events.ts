// Events out of records.
import { clipHandle, conferenceHandle, endpointHandle, orderId } from '../base/index.ts';
import { readAddress } from './address.ts';
import {
  CODES,
  COUNTERS,
  DIGIT_SOURCES,
  EVENT,
  EVENT_HEADER,
  EVENT_RECORD_BYTES,
  PLAY_ENDS,
  RECORDING_ENDS,
  SOUND_TARGETS,
  SPEECH_CHANGES,
} from './contract.gen.ts';
import type { EndpointCounters, EngineCode, EngineEvent, SoundPlace } from './types.ts';

/**
 * Decodes whole records in order.
 * @param view   over the drained bytes.
 * @param length bytes in use, a multiple of EVENT_RECORD_BYTES.
 * @param into   receives the events.
 * @throws for a kind the contract doesn't have: host and client compared its hash, so that is our own mistake.
 */
export function decodeEvents(view: DataView, length: number, into: EngineEvent[]): void {
  for (let at = 0; at + EVENT_RECORD_BYTES <= length; at += EVENT_RECORD_BYTES)
    into.push(decode(view, at));
}

/** Counters in the contract's order, from a record or a statistics slot. */
export function countersFrom(valueAt: (index: number) => number): EndpointCounters {
  const value = (name: keyof EndpointCounters): number => valueAt(COUNTERS.indexOf(name));
  return {
    packetsReceived: value('packetsReceived'),
    octetsReceived: value('octetsReceived'),
    packetsSent: value('packetsSent'),
    octetsSent: value('octetsSent'),
    packetsLost: value('packetsLost'),
    jitterMs: value('jitterMs'),
    packetsRefused: value('packetsRefused'),
    packetsDropped: value('packetsDropped'),
    rtcpReceived: value('rtcpReceived'),
    rtcpSent: value('rtcpSent'),
    roundTripMs: value('roundTripMs'),
    packetsLate: value('packetsLate'),
    packetsDuplicate: value('packetsDuplicate'),
    playoutDelayMs: value('playoutDelayMs'),
    playedMs: value('playedMs'),
    concealedMs: value('concealedMs'),
    ratingFactor: value('ratingFactor'),
    mosListening: value('mosListening'),
    mosConversational: value('mosConversational'),
    srtpRefused: value('srtpRefused'),
    digitsReceived: value('digitsReceived'),
  };
}

function decode(view: DataView, at: number): EngineEvent {
  const kind = view.getUint16(at + EVENT_HEADER.kind, true);
  const handle = view.getUint32(at + EVENT_HEADER.endpoint, true);
  const event = decodeAnswer(view, at, { kind, handle }) ?? decodeNews(view, at, { kind, handle });
  if (event === null) throw new Error(`event kind ${kind} is not in the contract`);
  return event;
}

interface Header {
  readonly kind: number;
  /** Of an endpoint or a conference. */
  readonly handle: number;
}

/** What an order is answered with; null for all other kinds. */
function decodeAnswer(view: DataView, at: number, { kind, handle }: Header): EngineEvent | null {
  const order = orderId(view.getUint32(at + EVENT_HEADER.order, true));
  const endpoint = endpointHandle(handle);
  switch (kind) {
    case EVENT.endpointOpened.kind:
      return {
        kind: 'endpointOpened',
        order,
        code: codeAt(view, at),
        endpoint,
        rtpPort: view.getUint16(at + EVENT.endpointOpened.rtpPort, true),
        rtcpPort: view.getUint16(at + EVENT.endpointOpened.rtcpPort, true),
      };
    case EVENT.orderDone.kind:
      return { kind: 'orderDone', order, code: codeAt(view, at), endpoint };
    case EVENT.endpointClosed.kind: {
      const first = at + EVENT.endpointClosed.counters;
      const counters = countersFrom((index) => view.getFloat64(first + 8 * index, true));
      return { kind: 'endpointClosed', order, code: codeAt(view, at), endpoint, counters };
    }
    case EVENT.clipLoaded.kind:
      return {
        kind: 'clipLoaded',
        order,
        code: codeAt(view, at),
        clip: clipHandle(view.getUint32(at + EVENT.clipLoaded.clip, true)),
        durationMs: view.getUint32(at + EVENT.clipLoaded.durationMs, true),
      };
    case EVENT.conferenceOpened.kind:
      return {
        kind: 'conferenceOpened',
        order,
        code: codeAt(view, at),
        conference: conferenceHandle(handle),
      };
    default:
      return null;
  }
}

/** What happens by itself; null for all other kinds. */
function decodeNews(view: DataView, at: number, { kind, handle }: Header): EngineEvent | null {
  const endpoint = endpointHandle(handle);
  switch (kind) {
    case EVENT.mediaStarted.kind:
      return { kind: 'mediaStarted', endpoint };
    case EVENT.mediaTimeout.kind:
      return {
        kind: 'mediaTimeout',
        endpoint,
        silentMs: view.getUint32(at + EVENT.mediaTimeout.silentMs, true),
      };
    case EVENT.latched.kind:
      return { kind: 'latched', endpoint, remote: readAddress(view, at + EVENT.latched.remote) };
    case EVENT.digit.kind:
      return {
        kind: 'digit',
        endpoint,
        digit: view.getUint8(at + EVENT.digit.digit),
        source: named(DIGIT_SOURCES, view.getUint8(at + EVENT.digit.source)),
        durationMs: view.getUint32(at + EVENT.digit.durationMs, true),
      };
    case EVENT.playEnded.kind:
      return {
        kind: 'playEnded',
        ...placeOf(handle, view.getUint8(at + EVENT.playEnded.target)),
        play: orderId(view.getUint32(at + EVENT.playEnded.play, true)),
        playedMs: view.getUint32(at + EVENT.playEnded.playedMs, true),
        end: named(PLAY_ENDS, view.getUint8(at + EVENT.playEnded.end)),
      };
    case EVENT.recordingEnded.kind:
      return {
        kind: 'recordingEnded',
        ...placeOf(handle, view.getUint8(at + EVENT.recordingEnded.target)),
        recording: orderId(view.getUint32(at + EVENT.recordingEnded.recording, true)),
        durationMs: view.getUint32(at + EVENT.recordingEnded.durationMs, true),
        bytes: view.getFloat64(at + EVENT.recordingEnded.bytes, true),
        lostMs: view.getUint32(at + EVENT.recordingEnded.lostMs, true),
        trimmedMs: view.getUint32(at + EVENT.recordingEnded.trimmedMs, true),
        end: named(RECORDING_ENDS, view.getUint8(at + EVENT.recordingEnded.end)),
      };
    case EVENT.speech.kind:
      return {
        kind: 'speech',
        endpoint,
        speech: named(SPEECH_CHANGES, view.getUint8(at + EVENT.speech.speech)),
      };
    case EVENT.speaker.kind: {
      const speaking = view.getUint32(at + EVENT.speaker.speaking, true);
      return {
        kind: 'speaker',
        conference: conferenceHandle(handle),
        speaking: speaking === 0 ? null : endpointHandle(speaking),
      };
    }
    default:
      return null;
  }
}

function placeOf(handle: number, target: number): SoundPlace {
  return named(SOUND_TARGETS, target) === 'conference'
    ? { conference: conferenceHandle(handle) }
    : { endpoint: endpointHandle(handle) };
}

function codeAt(view: DataView, at: number): EngineCode {
  return named(CODES, view.getUint16(at + EVENT_HEADER.code, true));
}

/** The name that a number stands for in one of the contract's lists. */
function named<Name extends string>(names: readonly Name[], number: number): Name {
  const name = names[number];
  if (name === undefined)
    throw new Error(`${number} is not in the contract’s list ${names.join(', ')}`);
  return name;
}
