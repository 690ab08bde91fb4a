// One gateway after the other: who is asked next, and the answer to a challenge.
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { SipResponse } from '../sip/index.ts';
import type { GatewayAttempt, Trunk } from '../trunks/index.ts';
import type { Attempt, Call, Exchange } from './call.ts';
import type { Context, ResponseNews } from './context.ts';
import { answerInvite, isChallenge } from './credentials.ts';
import { finishRefused } from './ending.ts';
import { newAttempt, sendInvite, takeIdentity } from './gateway-invite.ts';
import { pointFor } from './identity.ts';
import { disconnectLegs } from './media-orders.ts';
import { offerThrough, sdpBody, takeOffer } from './offer-answer.ts';
import { outcomeOf, outcomeOfStatus } from './outcome.ts';
import { commitAttempt, commitStart } from './records.ts';
import { warningOf } from './responses.ts';

/** A gateway that can be asked: its trunk's channel is taken, and the offer to it made. */
export interface NextGateway {
  readonly plan: GatewayAttempt;
  /** Null for a call that asks for the gateway's own offer. */
  readonly exchange: Exchange | null;
  /** The shapes of what this gateway has been offered, this one included. */
  readonly offered: readonly string[];
}

/** One way to make an offer of the caller's. */
type OfferForm = Pick<Parameters<typeof offerThrough>[2], 'style' | 'reach'>;

/**
 * The offers that a gateway is made, each after a refusal that may have meant the one before; those that would come out alike are
 * made once. Going through undecoded comes first, and of that SRTP before plain RTP where a trunk can do with either.
 */
const OFFERS: readonly OfferForm[] = [
  { style: 'secureFirst', reach: 'shared' },
  { style: 'asAgreed', reach: 'shared' },
  { style: 'secureFirst', reach: 'all' },
  { style: 'asAgreed', reach: 'all' },
];

/** Sends the INVITE to the next gateway that can be asked; tells the caller when there is none. */
export function tryNextGateway(cx: Context, call: Call): void {
  const next = nextGateway(cx, call);
  if (next !== null) {
    askGateway(cx, call, next);
    return;
  }
  const failed = call.lastFailure?.outcome ?? null;
  // What the last gateway said is told as it is; only "nobody could be asked" has a status of our own.
  const exhausted =
    failed === null || failed.status < 300 || failed.status === 401 || failed.status === 407;
  if (exhausted) call.lastFailure = null;
  const explanation = call.lastFailure?.explanation ?? [];
  finishRefused(cx, call, exhausted ? 503 : failed.status, explanation);
}

/**
 * Finds the next gateway whose trunk shares a codec with the caller and has room. A gateway that is being asked goes on meanwhile;
 * with the result it must be given up, since the channel is no longer its trunk's.
 * @returns null when none is left.
 */
export function nextGateway(cx: Context, call: Call): NextGateway | null {
  for (;;) {
    const plan = call.plans.shift();
    if (plan === undefined) return null;
    const next = nextOffer(cx, call, plan, []);
    if (!next.ok) {
      passOver(call, plan, next.error);
      continue;
    }
    const room = cx.settings.admission.tryOutbound(cx.now.mono, call.ticket, plan.trunk);
    if (room.ok) return next.value;
    passOver(call, plan, room.error);
  }
}

/** The next offer for a gateway that was made those `offered`. @returns CODEC_NOT_SHARED when there is none, or none more. */
export function nextOffer(
  cx: Context,
  call: Call,
  plan: GatewayAttempt,
  offered: readonly string[],
): Result<NextGateway, CodedError> {
  for (const form of OFFERS) {
    const exchange = offerOf(cx, call, plan.trunk, form);
    if (!exchange.ok) return exchange;
    const shape = shapeOf(exchange.value);
    if (offered.includes(shape)) continue;
    return ok({ plan, exchange: exchange.value, offered: [...offered, shape] });
  }
  return err({ code: 'CODEC_NOT_SHARED', message: 'everything was offered' });
}

function offerOf(
  cx: Context,
  call: Call,
  trunk: Trunk,
  form: OfferForm,
): Result<Exchange | null, CodedError> {
  const { b, firstOffer } = call;
  if (b === null || firstOffer === null) return ok(null);
  return offerThrough(cx, call, { answerer: b, trunk, ...form }, firstOffer);
}

/** What tells two offers to one gateway apart: whether it is SRTP, and the codecs. */
function shapeOf(exchange: Exchange | null): string {
  if (exchange === null) return '';
  const { cryptos, codecs } = exchange.forwarded.audio;
  const names = codecs.map(({ name, clockRateHz }) => `${name}/${clockRateHz}`);
  return [cryptos.length > 0 ? 'srtp' : 'rtp', ...names].join(' ');
}

/**
 * Notes why a trunk can't be asked. What it lacks it lacks for all its gateways, and a call over its cap is counted once. The
 * failure of a gateway that was asked stands: it's the one that the record is about.
 */
function passOver(call: Call, { trunk, gateway }: GatewayAttempt, error: CodedError): void {
  const { code } = error;
  const { b } = call;
  call.plans = call.plans.filter((plan) => plan.trunk.id !== trunk.id);
  b?.history.routesTried.push(`${gateway.id} ${code}`);
  if (b?.recordStarted !== true) {
    const outcome = outcomeOf(code);
    const explanation = outcome.status === 488 ? warningOf(error) : [];
    call.lastFailure = { outcome, by: 'platform', explanation };
  }
}

/** Sends the INVITE to a gateway, in place of the one before. */
export function askGateway(
  cx: Context,
  call: Call,
  { plan, exchange, offered }: NextGateway,
): void {
  const { b } = call;
  if (b === null) throw new Error('an attempt needs an outbound leg');
  const { target } = plan.gateway;
  b.trunk = plan.trunk;
  b.gateway = plan.gateway.id;
  b.peerAddress = target.host;
  b.point = pointFor(cx, target);
  // Early media of the gateway before: the caller is not to hear it any more, nor that gateway the caller.
  disconnectLegs(cx, call);
  // What the gateway before was offered it knows: keys are this one's alone.
  b.anchor.crypto = null;
  if (exchange !== null) takeOffer(call, exchange);
  b.history.lastStatus = null;
  takeIdentity(cx, call, b);
  const attempt = newAttempt(call, b, { plan, offered });
  call.attempt = attempt;
  // The record is about this gateway now; what the one before still says is noted in it and not waited for.
  call.givenUp = null;
  const isFirst = !b.recordStarted;
  if (isFirst) {
    b.recordStarted = true;
    commitStart(cx, call, b);
  }
  if (!isFirst || b.history.routesTried.length > 0) commitAttempt(cx, b);
  sendInvite(cx, call, b, attempt, exchange === null ? null : sdpBody(exchange.forwarded));
  cx.setTimer(call, 'gateway', plan.trunk.gatewayTimeoutS * 1000);
}

/** Finals that may mean what was offered: not acceptable, or unknown in the SDP (RFC 3261 §21.4.26, §21.4.13, §21.6.4). */
const OFFER_REFUSALS: ReadonlySet<number> = new Set([415, 488, 606]);
/** Warnings about a description that another one may mend: its protocol, media type, format or attribute (RFC 3261 §20.43). */
const OFFER_WARNINGS: ReadonlySet<string> = new Set(['302', '304', '305', '306']);

/**
 * Whether a final of 300 and above refuses what was offered, and not the call: by its status, or by a Warning beside one that
 * says nothing by itself. Busy, declined and unanswered mean the call whatever else they say.
 */
export function refusesOffer(response: SipResponse): boolean {
  const { status } = response;
  if (OFFER_REFUSALS.has(status)) return true;
  if (status < 400 || isChallenge(status)) return false;
  const warnings = response.headerValues('warning').map((value) => value.trim().split(' ', 1)[0]);
  return (
    outcomeOfStatus(status).cause === 'PEER_REFUSED' &&
    warnings.some((code) => code !== undefined && OFFER_WARNINGS.has(code))
  );
}

/**
 * A gateway that refuses an offer is made the next one: in the clear where its trunk allows that, with codecs to encode anew.
 * @returns false when there is nothing else to offer.
 */
export function offerAgain(
  cx: Context,
  call: Call,
  attempt: Attempt,
  response: SipResponse,
): boolean {
  if (call.exchange === null || !refusesOffer(response)) return false;
  const next = nextOffer(cx, call, attempt.plan, attempt.offered);
  if (!next.ok) return false;
  const { status } = response;
  noteTried(call, attempt, String(status), status);
  askGateway(cx, call, next.value);
  return true;
}

/** For the callee's record: which gateway was asked and what came of it. */
export function noteTried(call: Call, attempt: Attempt, result: string, status: number): void {
  const history = call.b?.history;
  if (history === undefined) return;
  history.routesTried.push(`${attempt.plan.gateway.id} ${result}`);
  history.lastStatus = status;
}

/**
 * Answers a gateway's 401 or 407 with the trunk's credentials (RFC 3261 §22.2).
 * @returns false when there are none, the realm is another's, or they were refused already.
 */
export function answerChallenge(
  cx: Context,
  call: Call,
  attempt: Attempt,
  news: ResponseNews,
): boolean {
  const { trunk } = attempt.plan;
  const { credentials } = trunk;
  const { b } = call;
  if (credentials === null || b === null) return false;
  if (!answerInvite(cx, attempt, news, credentials)) return false;
  attempt.cseq += 1;
  // What the INVITE before was told says nothing about this one: its first provisional has to stop the gateway's clock anew
  // and start the ring timer (RFC 3261 §16.6 step 11).
  attempt.progressed = false;
  const body = call.exchange === null ? null : sdpBody(call.exchange.forwarded);
  sendInvite(cx, call, b, attempt, body);
  cx.setTimer(call, 'gateway', trunk.gatewayTimeoutS * 1000);
  return true;
}
