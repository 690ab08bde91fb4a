// Payload types for the engine: which number that comes in on one leg goes out as which on the other.
import { isAudio, sameCodec } from './codecs.ts';
import type { AudioCodec, NegotiatedSide, PayloadMaps } from './types.ts';

type Pair = readonly [number, number];
type Pairs = readonly Pair[];

/**
 * The maps both ways between two negotiated legs, by codec identity. A sender uses the numbers of the description it
 * received (RFC 3264 §6.1), so what comes from a leg carries our numbers there and what goes out takes the peer's.
 * Peers that send under their own numbers instead are understood too, as long as the number means nothing else.
 * @returns empty maps where the legs share nothing. Pure; O(codecs²), codecs <= 8.
 */
export function payloadMaps(a: NegotiatedSide, b: NegotiatedSide): PayloadMaps {
  const carried = a.ours.codecs.filter((codec) => carriedBy(codec, a, b));
  const receivableA = receivable(a);
  const receivableB = receivable(b);
  return {
    aToB: oneWay(receivableA, carried, b.theirs.codecs),
    bToA: oneWay(receivableB, carried, a.theirs.codecs),
    clockRatesA: audioClocks(receivableA),
    clockRatesB: audioClocks(receivableB),
    codec: carried.find(isAudio) ?? null,
  };
}

/** A codec and a number it may come in under. */
interface Received {
  readonly payloadType: number;
  readonly codec: AudioCodec;
}

// The packets of one telephone-event share a timestamp (RFC 4733 §2.3.5.1): counted in, they would be jitter that isn't there.
function audioClocks(received: readonly Received[]): Pairs {
  const clocks: Pair[] = [];
  for (const { payloadType, codec } of received) {
    if (isAudio(codec)) clocks.push([payloadType, codec.clockRateHz]);
  }
  return clocks;
}

/** @param carried what all four descriptions have. */
function oneWay(
  received: readonly Received[],
  carried: readonly AudioCodec[],
  sent: readonly AudioCodec[],
): Pairs {
  const pairs: Pair[] = [];
  for (const { payloadType, codec } of received) {
    const target = sameCodec(carried, codec) === null ? null : sameCodec(sent, codec);
    if (target !== null) pairs.push([payloadType, target.payloadType]);
  }
  return pairs;
}

function carriedBy(codec: AudioCodec, a: NegotiatedSide, b: NegotiatedSide): boolean {
  return (
    sameCodec(a.theirs.codecs, codec) !== null &&
    sameCodec(b.ours.codecs, codec) !== null &&
    sameCodec(b.theirs.codecs, codec) !== null
  );
}

/** Numbers that may come in on a leg: ours, and the peer's own for the same codecs where there is no conflict. */
function receivable({ ours, theirs }: NegotiatedSide): readonly Received[] {
  const received: Received[] = [];
  for (const codec of ours.codecs) received.push({ payloadType: codec.payloadType, codec });
  for (const codec of theirs.codecs) {
    const { payloadType } = codec;
    const isTaken = received.some((known) => known.payloadType === payloadType);
    if (!isTaken && sameCodec(ours.codecs, codec) !== null) received.push({ payloadType, codec });
  }
  return received;
}
