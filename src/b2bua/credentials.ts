// Our side of digest towards gateways (RFC 3261 §22.2): which challenge is answered, and for which request.
import ipaddr from 'ipaddr.js';
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { SipResponse } from '../sip/index.ts';
import { digestAnswer, readChallenge, sendTargetOfText } from '../sip/index.ts';
import type { Attempt, Credentials, DialogCredentials, Leg } from './call.ts';
import type { Context } from './context.ts';

/** A header line that answers a challenge, and the realm it was for. */
export interface ChallengeAnswer {
  readonly header: readonly [string, string];
  readonly realm: string;
}

export function isChallenge(status: number): boolean {
  return status === 401 || status === 407;
}

/**
 * Answers the first challenge of a 401 or 407 that the credentials are for.
 * @param realm the only realm answered; null answers any, which is right for the first INVITE alone: it goes to the gateway itself.
 * @returns AUTH_FAILED when there is none. A callee behind the gateway could challenge with a realm of its own to learn a hash
 *   of the trunk's password.
 */
export function answerTo(
  cx: Context,
  response: SipResponse,
  request: { readonly method: string; readonly uri: string },
  { credentials, realm }: { readonly credentials: Credentials; readonly realm: string | null },
): Result<ChallengeAnswer, CodedError> {
  const proxy = response.status === 407;
  const name = proxy ? 'proxy-authenticate' : 'www-authenticate';
  for (const challenge of response.headerValues(name)) {
    const read = readChallenge(challenge);
    if (!read.ok || (realm !== null && read.value.realm !== realm)) continue;
    const cnonce = cx.random.hex(16);
    const answer = digestAnswer(challenge, credentials, { ...request, cnonce });
    if (!answer.ok) continue;
    const header = [proxy ? 'Proxy-Authorization' : 'Authorization', answer.value] as const;
    return ok({ header, realm: read.value.realm });
  }
  return err({ code: 'AUTH_FAILED', message: 'no challenge that the credentials are for' });
}

/**
 * What this leg's gateway may be answered inside the dialog.
 * @param attempt its INVITE. A gateway configured by name is known by the address that challenged it: whoever that was, it was
 *   given our answer then, so that the same address learns nothing more. One that never challenged gets none.
 */
export function dialogCredentials(
  leg: Leg,
  { answeredRealm, challenger }: Pick<Attempt, 'answeredRealm' | 'challenger'>,
): DialogCredentials | null {
  const credentials = leg.trunk?.credentials ?? null;
  const known = credentials?.realm ?? answeredRealm;
  if (credentials === null || known === null) return null;
  const isAddress = ipaddr.isValid(leg.peerAddress);
  return {
    credentials,
    realm: known,
    gatewayHost: isAddress ? leg.peerAddress : (challenger ?? leg.peerAddress),
  };
}

/**
 * Answers the challenge to a request inside a dialog. Only where the dialog's far end is the gateway itself: a 401 of a callee
 * further on looks the same, and would be given a hash of the trunk's password.
 */
export function answerInDialog(
  cx: Context,
  response: SipResponse,
  request: { readonly method: string; readonly uri: string },
  allowed: DialogCredentials | null,
): Result<ChallengeAnswer, CodedError> {
  const peer = sendTargetOfText(request.uri);
  if (allowed === null || !peer.ok || !isSameHost(peer.value.host, allowed.gatewayHost)) {
    return err({ code: 'AUTH_FAILED', message: 'the challenger is not the gateway' });
  }
  return answerTo(cx, response, request, allowed);
}

/** IPv6 addresses have more than one spelling. */
function isSameHost(one: string, other: string): boolean {
  if (one === other) return true;
  if (!ipaddr.isValid(one) || !ipaddr.isValid(other)) return false;
  return ipaddr.process(one).toString() === ipaddr.process(other).toString();
}
