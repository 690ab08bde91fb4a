// What the engine is told of a leg whose audio it decodes, or listens to for digits alone: which payloads come in, what goes
// out, and how much of the peer's wishes is ours to fulfil. Pure.
import type { EngineOrder, OpusSettings, ReceivedPayload, SentAudio } from '../engine/index.ts';
import type { AudioCodec, CodecName, NegotiatedSide } from '../sip/index.ts';
import { fitsBeside, isAudio, isEvents, receivableCodecs, sameCodec } from '../sip/index.ts';
import type { Trunk } from '../trunks/index.ts';
import type { DigitWay, PathSide } from './audio-path.ts';
import { digitWayOf } from './audio-path.ts';

/** What a `setAudio` order says beyond whom it is for. */
export type AudioSetting = Omit<
  Extract<EngineOrder, { readonly kind: 'setAudio' }>,
  'kind' | 'order' | 'endpoint'
>;

/** Settings of the leg's trunk that audio of our own making follows. */
export type AudioWishes = Pick<
  Trunk,
  'ptimeMs' | 'jitterBuffer' | 'opusBitrateBps' | 'opusComplexity'
>;

/** Nothing decoded and nothing listened to. */
export const NO_AUDIO: AudioSetting = {
  receive: [],
  send: null,
  bufferSize: 'off',
  detectTones: false,
  muteDigits: false,
};

const PACKET_MS = { least: 10, most: 60, step: 10 } as const;
const OPUS_BITRATE_BPS = { least: 6_000, most: 510_000 } as const;
const OPUS_PLAYBACK_HZ = { least: 8_000, most: 48_000 } as const;
/** What FEC is laid out for: loss that is heard without it. */
const LOSS_PERCENT_EXPECTED = 5;
/** Clocks of events that the engine counts in. */
const EVENT_CLOCKS_HZ: ReadonlySet<number> = new Set([8_000, 16_000, 48_000]);

type AudioKind = SentAudio['kind'];
type NotAudio = 'telephone-event' | 'CN' | 'red';

/** Engine's word and sampling rate of each codec; G.722 samples at twice its RTP clock (RFC 3551 §4.5.2). */
const KINDS: Readonly<
  Record<Exclude<CodecName, NotAudio>, readonly [kind: AudioKind, rateKhz: number]>
> = { PCMU: ['pcmu', 8], PCMA: ['pcma', 8], G722: ['g722', 16], opus: ['opus', 48] };

/** The leg, and the one whose audio it hears. */
export interface HeardLeg {
  readonly side: PathSide;
  readonly negotiated: NegotiatedSide;
  readonly wishes: AudioWishes;
  readonly other: PathSide;
}

/** The setting of a leg that is decoded; null when no audio codec is agreed on it. */
export function decodedAudio(leg: HeardLeg): AudioSetting | null {
  const { side, wishes, other } = leg;
  const codec = side.codecs.find(isAudio);
  const shape = codec === undefined ? null : kindOf(codec);
  if (codec === undefined || shape === null) return null;
  const event = eventBeside(side, codec);
  const [kind, rateKhz] = shape;
  const send: SentAudio = {
    payloadType: codec.payloadType,
    kind,
    rateKhz: kind === 'opus' ? sourceRateKhz(other) : rateKhz,
    packetMs: packetMsFor(side, wishes),
    event:
      event === null ? null : { payloadType: event.payloadType, rateKhz: event.clockRateHz / 1000 },
    comfortPayloadType: typeBeside(side, codec, 'CN'),
    redundancyPayloadType: typeBeside(side, codec, 'red'),
    opus: opusSettings(codec, wishes),
  };
  return {
    receive: receivedPayloads(leg, event),
    send,
    bufferSize: wishes.jitterBuffer,
    detectTones: digitWayOf(side) === 'tone' && digitWayOf(other) !== 'tone',
    muteDigits: digitWayOf(side) === 'info',
  };
}

/** The setting of a leg whose audio goes through: its events are heard where the other peer is told of digits by INFO. */
export function listenedAudio(
  side: PathSide,
  { ours }: NegotiatedSide,
  otherWay: DigitWay,
): AudioSetting {
  const codec = side.codecs.find(isAudio);
  const event = codec === undefined ? null : eventBeside(side, codec);
  if (otherWay !== 'info' || event === null) return NO_AUDIO;
  return { ...NO_AUDIO, receive: eventPayloads(ours.codecs, event) };
}

function kindOf({ name }: AudioCodec): (typeof KINDS)[keyof typeof KINDS] | null {
  return name === 'telephone-event' || name === 'CN' || name === 'red' ? null : KINDS[name];
}

/** The peer's number for what goes beside this audio; null when it has none that fits. */
function typeBeside({ codecs }: PathSide, audio: AudioCodec, wanted: 'CN' | 'red'): number | null {
  const fitting = codecs.find((codec) => codec.name === wanted && fitsBeside(codec, [audio]));
  return fitting?.payloadType ?? null;
}

/** The peer's events in the clock of its audio, else in any (RFC 4733 §2.1). */
function eventBeside({ codecs }: PathSide, audio: AudioCodec): AudioCodec | null {
  const events = codecs.filter(
    (codec) => isEvents(codec) && EVENT_CLOCKS_HZ.has(codec.clockRateHz),
  );
  return events.find(({ clockRateHz }) => clockRateHz === audio.clockRateHz) ?? events[0] ?? null;
}

/** Opus is encoded at the rate of what the other peer says: more would be bits for nothing. */
function sourceRateKhz({ codecs }: PathSide): number {
  const codec = codecs.find(isAudio);
  return (codec === undefined ? null : kindOf(codec)?.[1]) ?? KINDS.opus[1];
}

/** What the peer asks for, else what its trunk says, in tens and no longer than the peer takes (RFC 8866 §6.4). */
function packetMsFor({ ptimeMs, maxptimeMs }: PathSide, wishes: AudioWishes): number {
  const { least, most, step } = PACKET_MS;
  const wanted = Math.min(ptimeMs ?? wishes.ptimeMs, maxptimeMs ?? most, most);
  return Math.max(least, wanted - (wanted % step));
}

/** What both agreed on and no more: a decoder stands ready for each. */
function receivedPayloads(
  { side, negotiated }: HeardLeg,
  event: AudioCodec | null,
): readonly ReceivedPayload[] {
  const received: ReceivedPayload[] = [];
  for (const { payloadType, codec } of receivableCodecs(negotiated)) {
    const shape = soundOf(codec);
    if (shape !== null && sameCodec(side.codecs, codec) !== null)
      received.push({ payloadType, ...shape });
  }
  return event === null ? received : [...received, ...eventPayloads(negotiated.ours.codecs, event)];
}

/** Engine's word and rate of what may come in as sound; null for events. */
function soundOf(codec: AudioCodec): Pick<ReceivedPayload, 'kind' | 'rateKhz'> | null {
  const rateKhz = codec.clockRateHz / 1000;
  if (codec.name === 'CN') return { kind: 'comfortNoise', rateKhz };
  if (codec.name === 'red') return { kind: 'redundancy', rateKhz };
  const shape = kindOf(codec);
  return shape === null ? null : { kind: shape[0], rateKhz: shape[1] };
}

/** Under our own number and no other: the engine takes events of one payload type a leg. */
function eventPayloads(ours: readonly AudioCodec[], event: AudioCodec): readonly ReceivedPayload[] {
  return ours
    .filter((codec) => isEvents(codec) && codec.clockRateHz === event.clockRateHz)
    .slice(0, 1)
    .map(({ payloadType, clockRateHz }) => ({
      payloadType,
      kind: 'telephoneEvent',
      rateKhz: clockRateHz / 1000,
    }));
}

/** What the peer wishes (RFC 7587 §6.1) within what its trunk allows. */
function opusSettings({ fmtp }: AudioCodec, wishes: AudioWishes): OpusSettings {
  const wished = parametersOf(fmtp);
  const isOn = (name: string): boolean => wished.get(name) === '1';
  const fec = isOn('useinbandfec');
  return {
    bitrateBps: bitrateOf(wished, wishes.opusBitrateBps),
    playbackRateHz:
      within(wished.get('maxplaybackrate'), OPUS_PLAYBACK_HZ) ?? OPUS_PLAYBACK_HZ.most,
    complexity: wishes.opusComplexity,
    lossPercent: fec ? LOSS_PERCENT_EXPECTED : 0,
    fec,
    dtx: isOn('usedtx'),
    cbr: isOn('cbr'),
  };
}

/** The lower of the two; 0 when neither says anything. */
function bitrateOf(wished: ReadonlyMap<string, string>, own: number | null): number {
  const most = within(wished.get('maxaveragebitrate'), OPUS_BITRATE_BPS);
  if (most === null) return own ?? 0;
  return own === null ? most : Math.min(own, most);
}

/** A whole number held to a range; null for what is no number. */
function within(
  text: string | undefined,
  { least, most }: { readonly least: number; readonly most: number },
): number | null {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return null;
  return Math.min(most, Math.max(least, Number(text)));
}

/** `name=value` pairs of an fmtp, names in lower case; of a name that stands twice the first counts. */
function parametersOf(fmtp: string | null): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp?.split(';') ?? []) {
    const [name = '', value = ''] = part.trim().split('=', 2);
    const key = name.toLowerCase();
    if (key !== '' && !parameters.has(key)) parameters.set(key, value.trim());
  }
  return parameters;
}
