// Which payloads are one and the same codec, whatever number they go by.
import type { AudioCodec, CodecName, LawConversion, RtpMap } from './types.ts';

// RFC 4733 §2.1 ties the event clock to the audio's; these are the clocks of audio in use.
const EVENT_CLOCKS_HZ: ReadonlySet<number> = new Set([8_000, 16_000, 32_000, 48_000]);
const OPUS_CLOCK_HZ = 48_000;
const NARROW_CLOCK_HZ = 8_000;

/** The encodings we know, by their names in lower case: names compare without case (RFC 8866 §6.6). */
const NAMES: ReadonlyMap<string, CodecName> = new Map([
  ['pcmu', 'PCMU'],
  ['pcma', 'PCMA'],
  ['g722', 'G722'],
  ['opus', 'opus'],
  ['telephone-event', 'telephone-event'],
  ['cn', 'CN'],
]);

/** Frames in one payload of `red` at most, as the engine reads them. */
const REDUNDANT_FRAMES_MAX = 5;

/** Reads a payload as one of ours; null when it's none, or has a clock or channels that ours never has. Not `red`: see there. */
export function codecOf(map: RtpMap, fmtp: string | null): AudioCodec | null {
  const name = NAMES.get(map.encoding.toLowerCase());
  if (name === undefined) return null;
  const { payloadType, clockRateHz, channels } = map;
  switch (name) {
    case 'PCMU':
    case 'PCMA':
    case 'CN':
      if (clockRateHz !== NARROW_CLOCK_HZ || channels !== 1) return null;
      return { name, payloadType, clockRateHz, channels, fmtp };
    case 'G722':
      // The RTP clock is 8000 by a historical error that RFC 3551 §4.5.2 keeps; some phones write the sampling
      // rate instead and still count at 8000.
      if ((clockRateHz !== NARROW_CLOCK_HZ && clockRateHz !== 16_000) || channels !== 1)
        return null;
      return { name, payloadType, clockRateHz: NARROW_CLOCK_HZ, channels, fmtp };
    case 'opus':
      // RFC 7587 §7 demands "/2" always; peers that leave it out mean the same stream.
      if (clockRateHz !== OPUS_CLOCK_HZ || channels > 2) return null;
      return { name, payloadType, clockRateHz, channels: 2, fmtp };
    case 'telephone-event':
      if (!EVENT_CLOCKS_HZ.has(clockRateHz) || channels !== 1) return null;
      return { name, payloadType, clockRateHz, channels, fmtp };
    case 'red':
      return null;
  }
}

/**
 * Reads redundant audio (RFC 2198 §5) of one codec in all its frames. Numbers mean something in one description alone, so the
 * codec's name stands for each of them from here on: `0/0` is kept as `PCMU/PCMU`.
 * @param codecs what else the description has.
 * @returns null when it's no such payload, or a frame may be something that isn't among the others.
 */
export function redundancyOf(
  { encoding, payloadType, clockRateHz }: RtpMap,
  fmtp: string | null,
  codecs: readonly AudioCodec[],
): AudioCodec | null {
  if (encoding.toLowerCase() !== 'red' || fmtp === null) return null;
  const frames = fmtp.trim().split('/');
  const [first] = frames;
  const inside = codecs.find((codec) => isAudio(codec) && String(codec.payloadType) === first);
  if (inside?.clockRateHz !== clockRateHz || frames.length > REDUNDANT_FRAMES_MAX) return null;
  if (frames.length < 2 || frames.some((frame) => frame !== first)) return null;
  return { ...redundant(inside, frames.length), payloadType };
}

/** Redundant audio of a codec as we offer it. @param frames in one payload, the present one included. */
export function redundant({ name, clockRateHz, channels }: AudioCodec, frames: number): AudioCodec {
  const fmtp = Array<string>(frames).fill(name).join('/');
  return { name: 'red', payloadType: 104, clockRateHz, channels, fmtp };
}

/** The codec inside redundant audio, out of a list; null when it isn't there, or `codec` is no redundant audio. */
export function insideOf(codec: AudioCodec, list: readonly AudioCodec[]): AudioCodec | null {
  if (codec.name !== 'red') return null;
  return list.find(({ name }) => name === frameName(codec)) ?? null;
}

const frameName = ({ fmtp }: AudioCodec): string | null => fmtp?.split('/', 1)[0] ?? null;

/** Whether what goes beside audio means something beside that of a list: in its clock, or of one of its codecs. */
export function fitsBeside(codec: AudioCodec, list: readonly AudioCodec[]): boolean {
  if (codec.name === 'red') return insideOf(codec, list) !== null;
  return list.some((other) => isAudio(other) && other.clockRateHz === codec.clockRateHz);
}

/** Whether two payloads carry the same: format parameters don't separate (RFC 7587 §6.1: opus's are hints). */
export function carriesSame(one: AudioCodec, other: AudioCodec): boolean {
  if (one.name !== other.name || one.clockRateHz !== other.clockRateHz) return false;
  // However many frames: the lists of RFC 2198 say what may come, not what must.
  return one.name !== 'red' || frameName(one) === frameName(other);
}

/** The codec that carries the same as `wanted`; null when the list has none. */
export function sameCodec(list: readonly AudioCodec[], wanted: AudioCodec): AudioCodec | null {
  for (const codec of list) {
    if (carriesSame(codec, wanted)) return codec;
  }
  return null;
}

/** True for a payload that a codec makes, and not what goes beside it. */
export function isAudio({ name }: AudioCodec): boolean {
  return name !== 'telephone-event' && name !== 'CN' && name !== 'red';
}

/** True for digits: all else is sound. */
export function isEvents({ name }: AudioCodec): boolean {
  return name === 'telephone-event';
}

/** G.711 of the other companding law; null for what isn't G.711. */
export function otherLaw(name: CodecName): CodecName | null {
  if (name === 'PCMU') return 'PCMA';
  return name === 'PCMA' ? 'PCMU' : null;
}

/** What turns one payload into the other, sample by sample; null where nothing has to, or nothing can. */
export function lawConversion(from: AudioCodec, to: AudioCodec): LawConversion | null {
  if (otherLaw(from.name) !== to.name) return null;
  return from.name === 'PCMU' ? 'pcmuToPcma' : 'pcmaToPcmu';
}

/** `a=fmtp` parameters of one of ours in a description with these codecs; null when it has none. */
export function fmtpText(codec: AudioCodec, codecs: readonly AudioCodec[]): string | null {
  const inside = insideOf(codec, codecs);
  if (inside === null) return codec.fmtp;
  return codec.fmtp?.replaceAll(inside.name, String(inside.payloadType)) ?? null;
}

/** `a=rtpmap` text of one of ours. */
export function rtpmapText({ name, payloadType, clockRateHz, channels }: AudioCodec): string {
  return `${payloadType} ${name}/${clockRateHz}${channels === 1 ? '' : `/${channels}`}`;
}
