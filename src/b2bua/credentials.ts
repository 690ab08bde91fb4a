// Our side of digest towards gateways (RFC 3261 §22.2): which challenge is answered, and for which request.
import ipaddr from 'ipaddr.js';
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { HeaderLines, SipResponse } from '../sip/index.ts';
import { digestAnswer, readChallenge, sendTargetOfText } from '../sip/index.ts';
import type { Attempt, Credentials, DialogCredentials, Leg } from './call.ts';
import type { Context, ResponseNews } from './context.ts';
import { isSameHost } from './same-host.ts';

/** A header line that answers a challenge, and the realm it was for. */
export interface ChallengeAnswer {
  readonly header: readonly [string, string];
  readonly realm: string;
}

/** How often one INVITE is sent anew with an answer: to a proxy, to the gateway behind it, and to a nonce that ran out. */
const INVITE_ANSWERS_MAX = 3;

/**
 * Answers a gateway's challenge to its INVITE. The answers to a proxy and to the gateway behind it go together from then on
 * (RFC 3261 §22.3). One that was given before is given anew for a nonce that ran out (RFC 7616 §3.3); otherwise it was wrong.
 * @param attempt takes the lines and the realm. A second challenge must be of the first one's realm: a callee behind the gateway
 *   may well send it.
 * @returns whether the INVITE is to be sent again.
 */
export function answerInvite(
  cx: Context,
  attempt: Attempt,
  { response, flow }: ResponseNews,
  credentials: Credentials,
): boolean {
  const request = { method: 'INVITE', uri: attempt.requestUri };
  const realm = credentials.realm ?? attempt.answeredRealm;
  const { authorization } = attempt;
  if (attempt.cseq > INVITE_ANSWERS_MAX) return false;
  const given = authorization.some(([name]) => name === answerName(response));
  const answer = answerTo(cx, response, request, { credentials, realm, staleAlone: given });
  if (!answer.ok) return false;
  const { header } = answer.value;
  attempt.authorization = [...authorization.filter(([name]) => name !== header[0]), header];
  attempt.answeredRealm = answer.value.realm;
  attempt.challenger = flow.remote.host;
  return true;
}

function answerName({ status }: SipResponse): string {
  return status === 407 ? 'Proxy-Authorization' : 'Authorization';
}

export function isChallenge(status: number): boolean {
  return status === 401 || status === 407;
}

/**
 * Answers the first challenge of a 401 or 407 that the credentials are for.
 * @param allowed.realm the only realm answered; null answers any, which is right for the first INVITE alone: it goes to the
 *   gateway itself.
 * @param allowed.staleAlone answers only a challenge that asks for nothing but a newer nonce; false when left out.
 * @returns AUTH_FAILED when there is none. A callee behind the gateway could challenge with a realm of its own to learn a hash
 *   of the trunk's password.
 */
function answerTo(
  cx: Context,
  response: SipResponse,
  request: { readonly method: string; readonly uri: string },
  allowed: {
    readonly credentials: Credentials;
    readonly realm: string | null;
    readonly staleAlone?: boolean;
  },
): Result<ChallengeAnswer, CodedError> {
  const { credentials, realm, staleAlone = false } = allowed;
  const name = response.status === 407 ? 'proxy-authenticate' : 'www-authenticate';
  for (const challenge of response.headerValues(name)) {
    const read = readChallenge(challenge);
    if (!read.ok || (realm !== null && read.value.realm !== realm)) continue;
    if (staleAlone && !read.value.isStale) continue;
    const cnonce = cx.random.hex(16);
    const answer = digestAnswer(challenge, credentials, { ...request, cnonce });
    if (!answer.ok) continue;
    const header = [answerName(response), answer.value] as const;
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
 * further on looks the same, and would be given a hash of the trunk's password. A proxy and the gateway are answered once each.
 * @param answered the lines that answered challenges to this request before.
 * @returns these and the new one, to go together (RFC 3261 §22.3).
 */
export function answerInDialog(
  cx: Context,
  response: SipResponse,
  request: { readonly method: string; readonly uri: string; readonly answered: HeaderLines },
  allowed: DialogCredentials | null,
): Result<HeaderLines, CodedError> {
  const peer = sendTargetOfText(request.uri);
  if (allowed === null || !peer.ok || !isSameHost(peer.value.host, allowed.gatewayHost)) {
    return err({ code: 'AUTH_FAILED', message: 'the challenger is not the gateway' });
  }
  if (request.answered.some(([name]) => name === answerName(response))) {
    return err({ code: 'AUTH_FAILED', message: 'the credentials were refused' });
  }
  const answer = answerTo(cx, response, request, allowed);
  return answer.ok ? ok([...request.answered, answer.value.header]) : answer;
}
