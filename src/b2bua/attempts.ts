// One gateway after the other: builds each INVITE, answers a challenge once, gives up what took too long.
import type { ErrorCode } from '../base/index.ts';
import { clientTxnId } from '../base/index.ts';
import type { HeaderLines, OutgoingRequest, SipResponse } from '../sip/index.ts';
import { digestAnswer, quotedText } from '../sip/index.ts';
import type { GatewayAttempt } from '../trunks/index.ts';
import type { Attempt, Call, Leg } from './call.ts';
import type { Context } from './context.ts';
import { bracketed, contactOf } from './context.ts';
import { ALLOW } from './inbound.ts';
import { openExchange, sdpBody } from './offer-answer.ts';
import { outcomeOf, reasonValue } from './outcome.ts';
import { commitStart } from './records.ts';
import { finishRefused, pointFor } from './setup.ts';

/** Sends the INVITE to the next gateway that has room; tells the caller when none is left. */
export function tryNextGateway(cx: Context, call: Call): void {
  for (;;) {
    const plan = call.plans.shift();
    if (plan === undefined) break;
    const room = cx.settings.admission.tryOutbound(cx.now.mono, call.ticket, plan.trunk);
    if (!room.ok) {
      call.lastOutcome = outcomeOf(room.error.code);
      call.b?.history.routesTried.push(`${plan.gateway.id} ${room.error.code}`);
      continue;
    }
    if (sendAttempt(cx, call, plan)) return;
  }
  const failed = call.lastOutcome;
  // What the last gateway said is told as it is; only "nobody could be asked" has a status of our own.
  const exhausted = failed === null || failed.status < 300 || failed.status === 401 || failed.status === 407;
  if (exhausted) call.lastOutcome = outcomeOf('GATEWAYS_EXHAUSTED');
  finishRefused(cx, call, exhausted ? 503 : failed.status);
}

/** @returns false when this gateway's trunk shares no codec with the caller: the next one may. */
function sendAttempt(cx: Context, call: Call, plan: GatewayAttempt): boolean {
  const { b } = call;
  if (b === null) throw new Error('an attempt needs an outbound leg');
  const { target } = plan.gateway;
  b.trunk = plan.trunk;
  b.gateway = plan.gateway.id;
  b.peerAddress = target.host;
  b.point = pointFor(cx, target.transport, target.host);
  let body: Buffer | null = null;
  if (call.firstOffer !== null) {
    const forwarded = openExchange(cx, call, call.a, b, call.firstOffer);
    if (!forwarded.ok) {
      call.lastOutcome = outcomeOf(forwarded.error.code);
      b.history.routesTried.push(`${plan.gateway.id} ${forwarded.error.code}`);
      return false;
    }
    body = sdpBody(forwarded.value);
  }
  takeIdentity(cx, call, b);
  const attempt = newAttempt(cx, call, b, plan);
  call.attempt = attempt;
  if (!b.recordStarted) {
    b.recordStarted = true;
    commitStart(cx, call, b);
  }
  sendInvite(cx, call, b, attempt, body, []);
  cx.setTimer(call, 'gateway', plan.trunk.gatewayTimeoutS * 1000);
  return true;
}

/** A fresh Call-ID and tag for each attempt, so that a late answer of an earlier one can't be taken for this one's. */
function takeIdentity(cx: Context, call: Call, leg: Leg): void {
  cx.unbindTag(leg.localTag);
  leg.localTag = cx.random.hex(8);
  leg.sipCallId = cx.random.hex(12);
  cx.bindTag(call, leg);
}

function newAttempt(cx: Context, call: Call, leg: Leg, plan: GatewayAttempt): Attempt {
  const { target } = plan.gateway;
  const host = bracketed(leg.point.advertise);
  const display = call.fromDisplay === null ? '' : `${quotedText(call.fromDisplay)} `;
  const caller = userPart(leg.caller) || 'anonymous';
  const gatewayHost = bracketed(target);
  const transport = target.transport === 'udp' ? '' : `;transport=${target.transport}`;
  const user = userPart(leg.called);
  return {
    plan,
    sipCallId: leg.sipCallId,
    localTag: leg.localTag,
    cseq: 1,
    txn: clientTxnId(0),
    requestUri: `sip:${user}@${gatewayHost}${transport}`,
    fromHeader: `${display}<sip:${caller}@${host}>;tag=${leg.localTag}`,
    toHeader: `<sip:${user}@${gatewayHost}>`,
    request: null,
    answeredChallenge: false,
    progressed: false,
    answered: false,
    abandoned: false,
  };
}

/** Escapes what a user part may not hold (RFC 3261 §25.1 userinfo): a dialled name came from a stranger. */
function userPart(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/#]/g, (char) =>
    [...Buffer.from(char, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  ).replace(/#/g, '%23');
}

function sendInvite(
  cx: Context,
  call: Call,
  leg: Leg,
  attempt: Attempt,
  body: Buffer | null,
  credentials: HeaderLines,
): void {
  const txn = cx.newTxn({ kind: 'invite', call, attempt });
  attempt.txn = txn;
  leg.sentInvite = txn;
  const headers: (readonly [string, string])[] = [
    ['Max-Forwards', String(call.maxForwards)],
    ['From', attempt.fromHeader],
    ['To', attempt.toHeader],
    ['Call-ID', attempt.sipCallId],
    ['CSeq', `${attempt.cseq} INVITE`],
    ['Contact', contactOf(leg)],
    ['Allow', ALLOW],
    ...credentials,
  ];
  if (call.privacy !== null) headers.push(['Privacy', call.privacy]);
  if (cx.settings.product !== null) headers.push(['User-Agent', cx.settings.product]);
  if (body !== null) headers.push(['Content-Type', 'application/sdp']);
  const request: OutgoingRequest = { method: 'INVITE', uri: attempt.requestUri, headers, body };
  attempt.request = { ...request, body: null };
  cx.sip({ kind: 'request', txn, target: attempt.plan.gateway.target, request });
}

/**
 * Answers a gateway's 401 or 407 with the trunk's credentials, once an attempt (RFC 3261 §22.2).
 * @returns false when there are none, the realm is another's, or they were refused already.
 */
export function answerChallenge(cx: Context, call: Call, attempt: Attempt, response: SipResponse): boolean {
  const { credentials } = attempt.plan.trunk;
  const { b } = call;
  if (credentials === null || attempt.answeredChallenge || b === null) return false;
  const proxy = response.status === 407;
  for (const challenge of response.headerValues(proxy ? 'proxy-authenticate' : 'www-authenticate')) {
    const realm = /realm="([^"]*)"/i.exec(challenge)?.[1] ?? null;
    // A callee behind the gateway could challenge with a realm of its own to learn a hash of the trunk's password.
    if (credentials.realm !== null && credentials.realm !== realm) continue;
    const answer = digestAnswer(challenge, credentials, {
      method: 'INVITE',
      uri: attempt.requestUri,
      cnonce: cx.random.hex(16),
    });
    if (!answer.ok) continue;
    attempt.answeredChallenge = true;
    attempt.cseq += 1;
    const body = call.exchange === null ? null : sdpBody(call.exchange.forwarded);
    sendInvite(cx, call, b, attempt, body, [[proxy ? 'Proxy-Authorization' : 'Authorization', answer.value]]);
    return true;
  }
  return false;
}

/** Gives an attempt up: CANCEL now or with its first provisional; whatever it still answers is cleaned up. */
export function abandonAttempt(cx: Context, call: Call, attempt: Attempt, cause: ErrorCode): void {
  if (attempt.abandoned) return;
  attempt.abandoned = true;
  if (call.b !== null) call.b.sentInvite = null;
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  const reason = reasonValue(outcomeOf(cause));
  cx.sip({ kind: 'cancel', txn: attempt.txn, headers: reason === null ? [] : [['Reason', reason]] });
}
