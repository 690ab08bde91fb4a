// Payload types for the engine: which number that comes in on one leg goes out as which on the other.
import { insideOf, isAudio, isEvents, lawConversion, otherLaw, sameCodec } from './codecs.ts';
import type {
  AudioCodec,
  LawConversion,
  NegotiatedSide,
  PayloadMaps,
  ReceivedCodec,
} from './types.ts';

type Pair = readonly [number, number];
type Pairs = readonly Pair[];

/**
 * The maps both ways between two negotiated legs, by codec identity. A sender uses the numbers of the description it
 * received (RFC 3264 §6.1), so what comes from a leg carries our numbers there and what goes out takes the peer's.
 * Peers that send under their own numbers instead are understood too, as long as the number means nothing else.
 * @param laws whether G.711 of one companding law, where the other leg has only the other, is converted on the way.
 * @returns empty maps where the legs share nothing. Pure; O(codecs²), codecs <= 8.
 */
export function payloadMaps(
  a: NegotiatedSide,
  b: NegotiatedSide,
  laws: 'asTheyAre' | 'converted' = 'asTheyAre',
): PayloadMaps {
  const receivableA = receivableCodecs(a);
  const receivableB = receivableCodecs(b);
  const aToB = oneWay(receivableA, a, { carried: carriedOf(b), laws, to: b });
  const bToA = oneWay(receivableB, b, { carried: carriedOf(a), laws, to: a });
  return {
    aToB: aToB.pairs,
    bToA: bToA.pairs,
    clockRatesA: audioClocks(receivableA),
    clockRatesB: audioClocks(receivableB),
    codec: carriedOf(a).find((codec) => isAudio(codec) && carriedBy(codec, b)) ?? null,
    conversionsAToB: aToB.conversions,
    conversionsBToA: bToA.conversions,
  };
}

/** Clock rates for the engine of what may come in on a leg whose audio goes no further as it is. */
export function audioClockRates(side: NegotiatedSide): PayloadMaps['clockRatesA'] {
  return audioClocks(receivableCodecs(side));
}

// The packets of one telephone-event share a timestamp (RFC 4733 §2.3.5.1): counted in, they would be jitter that isn't there.
function audioClocks(received: readonly ReceivedCodec[]): Pairs {
  const clocks: Pair[] = [];
  for (const { payloadType, codec } of received) {
    if (!isEvents(codec)) clocks.push([payloadType, codec.clockRateHz]);
  }
  return clocks;
}

/** The leg that a way leads to. */
interface WayOn {
  readonly carried: readonly AudioCodec[];
  readonly to: NegotiatedSide;
  readonly laws: 'asTheyAre' | 'converted';
}

interface Way {
  readonly pairs: Pairs;
  readonly conversions: readonly (readonly [number, LawConversion])[];
}

/** @param from the leg it comes from. */
function oneWay(received: readonly ReceivedCodec[], from: NegotiatedSide, on: WayOn): Way {
  const carried = carriedOf(from);
  const pairs: Pair[] = [];
  const conversions: (readonly [number, LawConversion])[] = [];
  for (const { payloadType, codec } of received) {
    if (sameCodec(carried, codec) === null) continue;
    const wanted = wantedThere(codec, on);
    const target = wanted === null ? null : sameCodec(on.to.theirs.codecs, wanted);
    if (target === null || !sameInside(codec, from, on)) continue;
    pairs.push([payloadType, target.payloadType]);
    const conversion = lawConversion(codec, target);
    if (conversion !== null) conversions.push([payloadType, conversion]);
  }
  return { pairs, conversions };
}

/**
 * Frames of redundant audio carry numbers of their own, which nobody rewrites: they must mean the same on both legs. Who names
 * the whole by the number of one description names what is inside by that one too.
 */
function sameInside(codec: AudioCodec, { ours, theirs }: NegotiatedSide, { to }: WayOn): boolean {
  if (codec.name !== 'red') return true;
  const named = ours.codecs.includes(codec) ? ours.codecs : theirs.codecs;
  const sent = insideOf(codec, named)?.payloadType;
  return insideOf(codec, to.theirs.codecs)?.payloadType === sent;
}

/** What a codec goes on as; null when the other leg has nothing for it. */
function wantedThere(codec: AudioCodec, { carried, laws }: WayOn): AudioCodec | null {
  const same = sameCodec(carried, codec);
  if (same !== null || laws === 'asTheyAre') return same;
  const law = otherLaw(codec.name);
  return carried.find(({ name }) => name === law) ?? null;
}

/** What both descriptions of a leg have, in the order of ours. */
function carriedOf({ ours, theirs }: NegotiatedSide): readonly AudioCodec[] {
  return ours.codecs.filter((codec) => sameCodec(theirs.codecs, codec) !== null);
}

function carriedBy(codec: AudioCodec, { ours, theirs }: NegotiatedSide): boolean {
  return sameCodec(ours.codecs, codec) !== null && sameCodec(theirs.codecs, codec) !== null;
}

/** Numbers that may come in on a leg: ours, and the peer's own for the same codecs where there is no conflict. */
export function receivableCodecs({ ours, theirs }: NegotiatedSide): readonly ReceivedCodec[] {
  const received: ReceivedCodec[] = [];
  for (const codec of ours.codecs) received.push({ payloadType: codec.payloadType, codec });
  for (const codec of theirs.codecs) {
    const { payloadType } = codec;
    const isTaken = received.some((known) => known.payloadType === payloadType);
    if (!isTaken && sameCodec(ours.codecs, codec) !== null) received.push({ payloadType, codec });
  }
  return received;
}
