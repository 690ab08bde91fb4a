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
]);

/** Reads a payload as one of ours; null when it's none, or has a clock or channels that ours never has. */
export function codecOf(map: RtpMap, fmtp: string | null): AudioCodec | null {
  const name = NAMES.get(map.encoding.toLowerCase());
  if (name === undefined) return null;
  const { payloadType, clockRateHz, channels } = map;
  switch (name) {
    case 'PCMU':
    case 'PCMA':
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
  }
}

/** Whether two payloads carry the same: format parameters don't separate (RFC 7587 §6.1: opus's are hints). */
export function carriesSame(one: AudioCodec, other: AudioCodec): boolean {
  return one.name === other.name && one.clockRateHz === other.clockRateHz;
}

/** The codec that carries the same as `wanted`; null when the list has none. */
export function sameCodec(list: readonly AudioCodec[], wanted: AudioCodec): AudioCodec | null {
  for (const codec of list) {
    if (carriesSame(codec, wanted)) return codec;
  }
  return null;
}

/** True for a payload that is sound, not signals beside it. */
export function isAudio(codec: AudioCodec): boolean {
  return codec.name !== 'telephone-event';
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

/** `a=rtpmap` text of one of ours. */
export function rtpmapText({ name, payloadType, clockRateHz, channels }: AudioCodec): string {
  return `${payloadType} ${name}/${clockRateHz}${channels === 1 ? '' : `/${channels}`}`;
}
