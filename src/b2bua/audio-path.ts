// What becomes of audio between two legs: passed on as it is, from one companding law to the other, or decoded and encoded
// anew. Decided out of what the peers said and what their trunks allow, and of nothing else: so an answer and the orders
// that follow it decide alike, and a re-INVITE decides afresh. Pure.
import type { DtmfMode, Switch, TranscodePolicy } from '../config/index.ts';
import type {
  AudioCodec,
  AudioDescription,
  ChosenAudio,
  CodecName,
  NegotiatedSide,
} from '../sip/index.ts';
import {
  decodedHere,
  fitsBeside,
  insideOf,
  isAudio,
  isEvents,
  otherLaw,
  sameCodec,
  sharedCodecs,
} from '../sip/index.ts';

/** `asItIs`: payloads go through. `lawChanged`: PCMU to PCMA and back, sample by sample. `decoded`: heard and said anew. */
export type AudioPath = 'asItIs' | 'lawChanged' | 'decoded';

/** How a peer says digits, where it is known. */
export type DigitWay = 'event' | 'info' | 'tone';

/** What a leg's trunk says about audio. */
export interface AudioPolicy {
  readonly codecs: readonly CodecName[];
  readonly transcode: TranscodePolicy;
  readonly dtmf: DtmfMode;
  readonly comfortNoise: Switch;
  readonly redundancy: Switch;
  readonly ptimeMs: number;
}

/** One leg as far as its audio is agreed, or would be. */
export interface PathSide {
  readonly policy: AudioPolicy;
  /** What the peer may be sent, in its order of preference; events too. */
  readonly codecs: readonly AudioCodec[];
  /** What it sends, as our own description numbers it (RFC 3264 §5.1). */
  readonly sent: readonly AudioCodec[];
  readonly ptimeMs: number | null;
  readonly maxptimeMs: number | null;
}

/** What a peer sends that doesn't say (RFC 3551 §4.2). */
const PTIME_MS_USUAL = 20;
const EVENTS: CodecName = 'telephone-event';
/** What makes sound beside the codecs, by settings of its own. */
const BESIDE: readonly CodecName[] = ['CN', 'red'];

/** Whether audio between these trunks may be encoded anew. */
export function mayTranscode(one: AudioPolicy, other: AudioPolicy): boolean {
  return one.transcode !== 'never' && other.transcode !== 'never';
}

/** A leg after its exchange of descriptions. */
export function agreedSide(policy: AudioPolicy, { ours, theirs }: NegotiatedSide): PathSide {
  const codecs = theirs.codecs.filter((codec) => sameCodec(ours.codecs, codec) !== null);
  const { ptimeMs, maxptimeMs } = theirs;
  return { policy, codecs, sent: ours.codecs, ptimeMs, maxptimeMs };
}

/** How digits come from and go to a peer. */
export function digitWayOf({ policy, codecs }: PathSide): DigitWay {
  if (policy.dtmf === 'info') return 'info';
  if (policy.dtmf === 'inband') return 'tone';
  return codecs.some(isEvents) ? 'event' : 'tone';
}

/**
 * How audio gets on between two legs that have agreed. A peer may send whatever it listed in an answer (RFC 3264 §7), so it goes
 * on undecoded only where each codec of either side has its place at the other.
 * @returns the path; null when the two have nothing in common and nothing may be made common.
 */
export function audioPath(x: PathSide, y: PathSide): AudioPath | null {
  const [xAudio, yAudio] = [x.codecs.filter(isAudio), y.codecs.filter(isAudio)];
  if (xAudio.length === 0 || yAudio.length === 0) return null;
  if (!mayTranscode(x.policy, y.policy)) return sharesAny(xAudio, yAudio) ? 'asItIs' : null;
  if (mustDecode(x, y)) return 'decoded';
  if (placedIn(y, x, sameCodec) && placedIn(x, y, sameCodec)) return 'asItIs';
  // Samples inside redundant audio are not converted.
  if ([...x.codecs, ...y.codecs].some(({ name }) => name === 'red')) return 'decoded';
  return placedIn(y, x, sameOrLaw) && placedIn(x, y, sameOrLaw) ? 'lawChanged' : 'decoded';
}

/** Whether audio has to be decoded whatever the codecs are. */
function mustDecode(x: PathSide, y: PathSide): boolean {
  return isWanted(x, y) || isTooLong(x, y) || isTooLong(y, x) || digitsDiffer(x, y);
}

type Finder = typeof sameCodec;

/** The codec itself, else G.711 of the other companding law. */
const sameOrLaw: Finder = (list, wanted) => {
  const same = sameCodec(list, wanted);
  if (same !== null) return same;
  const law = otherLaw(wanted.name);
  return list.find(({ name }) => name === law) ?? null;
};

type HasCodecs = Pick<PathSide, 'codecs'>;
type SaysCodecs = Pick<PathSide, 'codecs' | 'sent'>;

/** Whether all sound that comes from one side has its place at the other. */
function placedIn({ codecs, sent }: SaysCodecs, at: HasCodecs, find: Finder): boolean {
  return codecs.every((codec) => {
    if (isEvents(codec)) return true;
    // Numbers inside redundant audio stay as they are.
    const inside = insideOf(codec, sent)?.payloadType;
    return find(at.codecs, codec) !== null && insideOf(codec, at.codecs)?.payloadType === inside;
  });
}

function sharesAny(one: readonly AudioCodec[], other: readonly AudioCodec[]): boolean {
  return one.some((codec) => sameCodec(other, codec) !== null);
}

function isWanted(x: PathSide, y: PathSide): boolean {
  return x.policy.transcode === 'always' || y.policy.transcode === 'always';
}

/** Whether packets of one peer last longer than the other takes (RFC 8866 §6.4). */
function isTooLong(from: PathSide, to: PathSide): boolean {
  return to.maxptimeMs !== null && (from.ptimeMs ?? PTIME_MS_USUAL) > to.maxptimeMs;
}

/** Peers of `auto` alone agree between themselves, as one is told what the other took. */
function digitsDiffer(x: PathSide, y: PathSide): boolean {
  const isSet = x.policy.dtmf !== 'auto' || y.policy.dtmf !== 'auto';
  return isSet && digitWayOf(x) !== digitWayOf(y);
}

/** What to make an offer of; the two lists of AnchoredOfferOptions. */
export interface OfferedCodecs {
  readonly allowedCodecs: readonly CodecName[];
  readonly addedCodecs: readonly CodecName[];
}

/** `shared`: what can go through as it is, where there is any of it. `all`: what has to be encoded anew as well. */
export type OfferReach = 'shared' | 'all';

/**
 * What is offered to the other leg, in the order of its trunk: first what both trunks allow and the offerer has; then, unless
 * either trunk says `never`, what else the other leg's trunk allows. Who answers with such a codec may send it (RFC 3264 §7), and
 * audio would have to be decoded although the two share another: so with `shared` it is offered only where nothing else is, or
 * where a trunk says `always`.
 */
export function codecsToOffer(
  offer: AudioDescription,
  { from, to }: { readonly from: AudioPolicy; readonly to: AudioPolicy },
  reach: OfferReach,
): OfferedCodecs {
  const shared = to.codecs.filter((name) => name !== EVENTS && from.codecs.includes(name));
  const allowed = mayTranscode(from, to) && offer.codecs.some((codec) => isUsable(codec, from));
  const goesThrough = offer.codecs.some(({ name }) => shared.includes(name));
  const isDecoded = from.transcode === 'always' || to.transcode === 'always';
  const widens = allowed && (reach === 'all' || isDecoded || !goesThrough);
  const beside = BESIDE.filter((name) => lets(to, name));
  const others = to.codecs.filter((name) => name !== EVENTS);
  // The other companding law costs next to nothing, so it comes before what has to be encoded.
  const laws = others.filter((name) => offer.codecs.some((codec) => otherLaw(codec.name) === name));
  const encoded = others.filter((name) => !laws.includes(name));
  const added = widens ? [...laws, ...encoded, ...beside] : [];
  const passed = [...shared, ...beside.filter((name) => lets(from, name))];
  if (!lets(to, EVENTS)) return { allowedCodecs: passed, addedCodecs: added };
  const has = lets(from, EVENTS) && offer.codecs.some(isEvents);
  const converts = allowed && (to.dtmf === 'rfc4733' || !saysEvents(from));
  return {
    allowedCodecs: has ? [...passed, EVENTS] : passed,
    addedCodecs: converts || (has && widens) ? [...added, EVENTS] : added,
  };
}

/** What an exchange between two legs was, up to the answer to the offerer. */
export interface AnsweredExchange {
  readonly offer: AudioDescription;
  readonly sent: AudioDescription;
  readonly farAnswer: AudioDescription;
  readonly offerer: AudioPolicy;
  readonly answerer: AudioPolicy;
}

/**
 * What the offerer is answered: what the far side took where audio goes through; else one codec that needs the least work.
 * @returns codecs and packet times of the answer; no audio codec where the two sides have nothing in common.
 */
export function codecsToAnswer(exchange: AnsweredExchange): ChosenAudio {
  const { offer, sent, farAnswer, offerer, answerer } = exchange;
  const asked: PathSide = {
    policy: offerer,
    codecs: usable(offer.codecs, offerer),
    // An answer keeps the offer's numbers.
    sent: offer.codecs,
    ptimeMs: offer.ptimeMs,
    maxptimeMs: offer.maxptimeMs,
  };
  const far = agreedSide(answerer, { ours: sent, theirs: farAnswer });
  const shared = usable(sharedCodecs(exchange), offerer);
  const narrowed = undecodedAnswer(asked, far, shared);
  // How digits come from it is decided by what it has, whether or not that is answered.
  const has = asked.codecs.filter(isEvents);
  const sounds = narrowed?.filter((codec) => !isEvents(codec));
  const codecsLeft = sounds === undefined ? asked.codecs : [...sounds, ...has];
  const path = audioPath({ ...asked, codecs: codecsLeft }, far);
  if (path === 'decoded') {
    const audio = shared.filter(isAudio);
    const best = audio.length > 0 ? audio : bestOf(asked);
    const beside = [...soundsBeside(best, asked.codecs), ...eventsFor(best, asked.codecs)];
    const codecs = [...best, ...beside].map(decodedHere);
    return { codecs, ptimeMs: offerer.ptimeMs, maxptimeMs: null };
  }
  const { ptimeMs, maxptimeMs } = farAnswer;
  const codecs = path === null ? [] : (narrowed ?? shared);
  // Digits that go on as INFO are heard by the engine: their sender needs events that the far side has not.
  const heard = path !== null && digitWayOf(far) === 'info' && digitWayOf(asked) === 'event';
  const events = heard ? eventsFor(codecs, asked.codecs).map(decodedHere) : [];
  return { codecs: [...codecs, ...events], ptimeMs, maxptimeMs };
}

/**
 * What the offerer would be answered so that nothing has to be decoded: the far side's codecs, each in its own form or, where the
 * offerer hasn't that, in the other companding law.
 * @param shared what both sides have, events too.
 * @returns null when one of the far side's codecs has no place at the offerer.
 */
function undecodedAnswer(
  asked: PathSide,
  far: PathSide,
  shared: readonly AudioCodec[],
): readonly AudioCodec[] | null {
  if (placedIn(far, asked, sameCodec)) return shared;
  if (!mayTranscode(asked.policy, far.policy)) return null;
  const answered: AudioCodec[] = [];
  for (const codec of far.codecs.filter((one) => !isEvents(one))) {
    const own = codec.name === 'red' ? null : sameOrLaw(asked.codecs, codec);
    if (own === null) return null;
    const said = sameCodec(shared, own) ?? decodedHere(own);
    if (sameCodec(answered, said) === null) answered.push(said);
  }
  return [...answered, ...shared.filter(isEvents)];
}

/** The one audio codec that the trunk likes best. */
function bestOf({ policy, codecs }: PathSide): readonly AudioCodec[] {
  for (const name of policy.codecs) {
    const codec = codecs.find((candidate) => candidate.name === name);
    if (codec !== undefined && isAudio(codec)) return [codec];
  }
  return [];
}

/** Of a peer's comfort noise and redundancy what goes with this audio. */
function soundsBeside(
  audio: readonly AudioCodec[],
  codecs: readonly AudioCodec[],
): readonly AudioCodec[] {
  return codecs.filter((codec) => !isAudio(codec) && !isEvents(codec) && fitsBeside(codec, audio));
}

/** Of a peer's events those with a clock of this audio; any where none has (RFC 4733 §2.1). */
function eventsFor(
  audio: readonly AudioCodec[],
  codecs: readonly AudioCodec[],
): readonly AudioCodec[] {
  const events = codecs.filter(isEvents);
  const fitting = events.filter((codec) => fitsBeside(codec, audio));
  return fitting.length > 0 ? fitting : events;
}

/** What of a peer's codecs its trunk lets it use. */
function usable(codecs: readonly AudioCodec[], policy: AudioPolicy): readonly AudioCodec[] {
  return codecs.filter(({ name }) => lets(policy, name));
}

function isUsable(codec: AudioCodec, policy: AudioPolicy): boolean {
  return isAudio(codec) && lets(policy, codec.name);
}

function lets(policy: AudioPolicy, name: CodecName): boolean {
  if (name === 'CN') return policy.comfortNoise === 'on';
  if (name === 'red') return policy.redundancy === 'on';
  return policy.codecs.includes(name) && (name !== EVENTS || saysEvents(policy));
}

function saysEvents({ dtmf }: AudioPolicy): boolean {
  return dtmf === 'auto' || dtmf === 'rfc4733';
}
