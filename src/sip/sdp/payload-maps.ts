// Payload types for the engine: which number that comes in on one leg goes out as which on the other.
import { isAudio, sameCodec } from './codecs.ts';
import type { AudioCodec, NegotiatedSide, PayloadMaps } from './types.ts';

type Pairs = readonly (readonly [number, number])[];

/**
 * The maps both ways between two negotiated legs, by codec identity. A sender uses the numbers of the description it
 * received (RFC 3264 §6.1), so what comes from a leg carries our numbers there and what goes out takes the peer's.
 * Peers that send under their own numbers instead are understood too, as long as the number means nothing else.
 * @returns empty maps where the legs share nothing. Pure; O(codecs²), codecs <= 8.
 */
export function payloadMaps(a: NegotiatedSide, b: NegotiatedSide): PayloadMaps {
  return {
    aToB: oneWay(a, b),
    bToA: oneWay(b, a),
    clockRatesA: audioClocks(a),
    clockRatesB: audioClocks(b),
    codec: a.ours.codecs.find((codec) => isAudio(codec) && carriedBy(codec, a, b)) ?? null,
  };
}

// The packets of one telephone-event share a timestamp (RFC 4733 §2.3.5.1): counted in, they would be jitter that isn't there.
function audioClocks(side: NegotiatedSide): Pairs {
  return receivable(side).flatMap(([payloadType, codec]): Pairs =>
    isAudio(codec) ? [[payloadType, codec.clockRateHz]] : [],
  );
}

function oneWay(from: NegotiatedSide, to: NegotiatedSide): Pairs {
  return receivable(from).flatMap(([payloadType, codec]): Pairs => {
    const target = carriedBy(codec, from, to) ? sameCodec(to.theirs.codecs, codec) : null;
    return target === null ? [] : [[payloadType, target.payloadType]];
  });
}

function carriedBy(codec: AudioCodec, a: NegotiatedSide, b: NegotiatedSide): boolean {
  return [a.ours, a.theirs, b.ours, b.theirs].every(
    ({ codecs }) => sameCodec(codecs, codec) !== null,
  );
}

/** Numbers that may come in on a leg: ours, and the peer's own for the same codecs where there is no conflict. */
function receivable({ ours, theirs }: NegotiatedSide): readonly (readonly [number, AudioCodec])[] {
  const byNumber = new Map(ours.codecs.map((codec) => [codec.payloadType, codec]));
  for (const codec of theirs.codecs) {
    if (!byNumber.has(codec.payloadType) && sameCodec(ours.codecs, codec) !== null) {
      byNumber.set(codec.payloadType, codec);
    }
  }
  return [...byNumber];
}
