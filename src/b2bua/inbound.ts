// Lets a new INVITE in or says why not: who sent it, may it start a call, where does its number go, is there a codec.
import type { CodedError, ErrorCode, Flow, Result, ServerTxnId } from '../base/index.ts';
import { err, ok, sourceKey } from '../base/index.ts';
import type {
  AudioDescription,
  DigestFailure,
  DigestServer,
  Ha1Lookup,
  HeaderLines,
  SipRequest,
} from '../sip/index.ts';
import { computeHa1, parseUri, sendTargetOfText } from '../sip/index.ts';
import type { RouteChoice, Ticket, Trunk } from '../trunks/index.ts';
import { dialledText, exactKey, readDialled } from '../trunks/index.ts';
import type { Leg } from './call.ts';
import type { Context } from './context.ts';
import { canReach } from './identity.ts';
import { acceptable, readOfferOf } from './offer-answer.ts';
import { refusalAnswer } from './responses.ts';

/** Why an Authorization header may be another server's, while a further one is for us. */
const NOT_FOR_US: ReadonlySet<DigestFailure['reason']> = new Set(['wrongRealm', 'malformed']);

/** A caller whose INVITE may become a call. */
export interface Admitted {
  readonly trunk: Trunk;
  readonly authIdentity: string | null;
  readonly ticket: Ticket;
  readonly route: RouteChoice;
  /** Null for an INVITE without a body (late offer). */
  readonly offer: AudioDescription | null;
}

/** A final answer instead of a call. `code` is null for a challenge, which is no failure yet. */
export interface Refusal {
  readonly error: CodedError;
  readonly trunk: Trunk | null;
  readonly headers: HeaderLines;
  /** The caller is known and was let in: the attempt gets a record. */
  readonly admitted: Omit<Admitted, 'route' | 'offer'> | null;
}

export interface Gate {
  readonly draining: boolean;
  readonly storeAvailable: boolean;
  readonly engineReady: boolean;
}

/**
 * Decides about an INVITE outside a dialog. Cheap refusals come first, so that a flood costs little.
 * @returns the caller with its ticket, which the call must release; or the refusal to answer with.
 */
export function admit(
  cx: Context,
  request: SipRequest,
  flow: Flow,
  gate: Gate,
): Result<Admitted, Refusal> {
  const closed = closedGate(gate);
  if (closed !== null) return refuse(closed, cx.settings.book.bySource(flow.remote.host));
  const caller = identify(cx, request, flow);
  if (!caller.ok) return caller;
  const { trunk, authIdentity } = caller.value;
  const early = checkRequest(cx, request);
  if (early !== null) return refuse(early.error, trunk, early.headers);
  const ticket = cx.settings.admission.tryAdmit(cx.now.mono, trunk);
  if (!ticket.ok) return refuse(ticket.error, trunk);
  const admitted = { trunk, authIdentity, ticket: ticket.value };
  const offer = readOffer({ trunk }, request);
  if (!offer.ok) return refuse(offer.error, trunk, [], admitted);
  const route = cx.settings.book.selectRoute(dialledOf(request));
  if (!route.ok) return refuse(route.error, trunk, [], admitted);
  return ok({ ...admitted, route: route.value, offer: offer.value });
}

/** Why nobody gets in just now; null while anyone may. */
function closedGate(gate: Gate): CodedError | null {
  if (gate.draining) return { code: 'NODE_DRAINING', message: 'draining', retryAfterS: 30 };
  if (!gate.storeAvailable) {
    return { code: 'STORE_UNAVAILABLE', message: 'the store refuses writes', retryAfterS: 5 };
  }
  if (gate.engineReady) return null;
  return { code: 'ENGINE_LOST', message: 'no media process', retryAfterS: 2 };
}

/** What was dialled: the user part, or the whole of a tel: URI. */
export function dialledOf(request: SipRequest): string {
  return request.uri.scheme === 'tel' ? request.uri.text : (request.uri.user ?? '');
}

/**
 * The calling number out of From, as it goes into records and the outgoing From; empty where it has none. A URI without a
 * user names a machine: its host is no number, and nobody's business on the other side (RFC 5853 §3.1).
 */
export function callerOf(request: SipRequest): string {
  const match = /^(?:sips?:([^@]*)@|tel:(.*))/i.exec(request.from.uri);
  // What follows are a password and parameters.
  const [subscriber = ''] = (match?.[1] ?? match?.[2] ?? '').split(/[:;]/, 1);
  return dialledText(readDialled(subscriber));
}

/** What is answered before the sender has shown who it is: its source may be forged. */
const STRANGERS: ReadonlySet<ErrorCode> = new Set([
  'AUTH_REQUIRED',
  'AUTH_FAILED',
  'SOURCE_NOT_ALLOWED',
]);

/** Refuses INVITE `txn` in one go and counts it; a stranger's is forgotten with its answer. */
export function answerRefusal(cx: Context, txn: ServerTxnId, refusal: Refusal): void {
  const { error, trunk, headers } = refusal;
  const answer = refusalAnswer(error, cx.random.hex(8), headers);
  if (trunk === null || STRANGERS.has(error.code)) cx.dismiss(txn, answer);
  else cx.respond(txn, answer);
  cx.rejected(refusal.error.code, refusal.trunk?.name ?? null);
}

function refuse(
  error: CodedError,
  trunk: Trunk | null,
  headers: HeaderLines = [],
  admitted: Refusal['admitted'] = null,
): Result<never, Refusal> {
  return err({ error, trunk, headers, admitted });
}

function identify(
  cx: Context,
  request: SipRequest,
  flow: Flow,
): Result<{ readonly trunk: Trunk; readonly authIdentity: string | null }, Refusal> {
  const { book, digest } = cx.settings;
  const bySource = book.bySource(flow.remote.host);
  if (bySource !== null && bySource.auth === null)
    return ok({ trunk: bySource, authIdentity: null });
  if (digest === null || (bySource === null && !book.hasDigestTrunks)) {
    const message = `source ${flow.remote.host} is in no trunk’s allow list`;
    return refuse({ code: 'SOURCE_NOT_ALLOWED', message }, null);
  }
  return authenticate(cx, request, { bySource, source: sourceKey(flow.remote.host) });
}

function authenticate(
  cx: Context,
  request: SipRequest,
  { bySource, source }: { readonly bySource: Trunk | null; readonly source: string },
): Result<{ readonly trunk: Trunk; readonly authIdentity: string | null }, Refusal> {
  const { book, digest, realm } = cx.settings;
  if (digest === null) throw new Error('asked for credentials without a digest server');
  const lookup: Ha1Lookup = (username) => {
    const auth = book.byUsername(username)?.auth ?? null;
    if (auth === null) return null;
    if (auth.kind === 'ha1') return { md5: auth.ha1Md5, sha256: auth.ha1Sha256 };
    return computeHa1({ username, realm, password: auth.password });
  };
  // One header a realm (RFC 3261 §20.7, §22.3): a caller behind several servers answers them all.
  let verified: ReturnType<DigestServer['verify']> | null = null;
  for (const header of request.headerValues('authorization')) {
    verified = digest.verify(cx.now.epoch, request.method, header, lookup);
    if (verified.ok || !NOT_FOR_US.has(verified.error.reason)) break;
  }
  if (verified === null) {
    const error = { code: 'AUTH_REQUIRED', message: 'no credentials' } as const;
    return refuse(error, bySource, digest.challenge(cx.now.epoch, { source }));
  }
  if (!verified.ok) {
    const { error, reason } = verified.error;
    if (error.code !== 'AUTH_REQUIRED') return refuse(error, bySource);
    // Each 401 carries a challenge (RFC 3261 §21.4.2). With stale=true where the password may well be right.
    const stale = reason === 'stale' || reason === 'replayed';
    return refuse(error, bySource, digest.challenge(cx.now.epoch, { source, stale }));
  }
  if (!isForUri(verified.value.uri, request)) {
    const message = 'the credentials are for another Request-URI';
    return refuse({ code: 'MESSAGE_MALFORMED', message }, bySource);
  }
  const trunk = book.byUsername(verified.value.username);
  // A trunk with both an address list and credentials must prove both.
  const allowed = trunk !== null && (trunk.allow.length === 0 || trunk === bySource);
  if (!allowed)
    return refuse(
      { code: 'SOURCE_NOT_ALLOWED', message: 'credentials of another trunk' },
      bySource,
    );
  return ok({ trunk, authIdentity: verified.value.username });
}

/** Compared by what decides where the call goes; ports and parameters are rewritten by honest proxies. */
function isForUri(signed: string, request: SipRequest): boolean {
  const parsed = parseUri(signed);
  if (!parsed.ok) return false;
  const { user, host } = request.uri;
  return parsed.value.user === user && parsed.value.host === host;
}

function checkRequest(
  cx: Context,
  request: SipRequest,
): { readonly error: CodedError; readonly headers: HeaderLines } | null {
  if (request.maxForwards === 0) {
    return { error: { code: 'TOO_MANY_HOPS', message: 'Max-Forwards is 0' }, headers: [] };
  }
  if (isLoop(cx, request)) {
    const message = 'this INVITE was sent from here';
    return { error: { code: 'LOOP_DETECTED', message }, headers: [] };
  }
  const { scheme } = request.uri;
  // sips asks for TLS on every hop (RFC 3261 §26.2.2), which no transport of ours gives yet.
  if (scheme !== 'sip' && scheme !== 'tel') {
    return { error: { code: 'URI_UNSUPPORTED', message: `scheme ${scheme}` }, headers: [] };
  }
  const [contact, second] = request.contacts;
  // RFC 3261 §8.1.1.8: exactly one SIP URI, where everything later in the dialog goes.
  if (contact === undefined || second !== undefined || !sendTargetOfText(contact.uri).ok) {
    const message = 'INVITE needs one Contact with a SIP URI';
    return { error: { code: 'MESSAGE_MALFORMED', message }, headers: [] };
  }
  // Better no call than one that only the caller can end.
  if (!canReach(cx, contact, request.recordRoutes)) {
    const message = 'Contact or Record-Route names a transport not spoken here';
    return { error: { code: 'MESSAGE_MALFORMED', message }, headers: [] };
  }
  return checkRequire(request);
}

/**
 * Proxies keep Call-ID and From, so an INVITE with a pair that we drew is one of ours. With the number that we sent, or that the
 * call was dialled by, it would come again and again with a call, two endpoints and a channel each time (RFC 3261 §16.3 step 4).
 * With any other it is a spiral, which is a call of its own (§6); Max-Forwards bounds how many.
 */
function isLoop(cx: Context, request: SipRequest): boolean {
  const sent = cx.legOfInvite(request.callId, request.from.tag ?? '');
  if (sent === null) return false;
  const dialled = exactKey(readDialled(dialledOf(request)));
  return [sent.called, sent.calledOriginal].some((text) => exactKey(readDialled(text)) === dialled);
}

/** RFC 3261 §8.2.2.3: no extension that a caller may require is spoken yet. */
export function checkRequire(
  request: SipRequest,
): { readonly error: CodedError; readonly headers: HeaderLines } | null {
  const required = request.headerValues('require');
  if (required.length === 0) return null;
  const list = required.join(', ');
  return {
    error: { code: 'EXTENSION_UNSUPPORTED', message: `Require: ${list}` },
    headers: [['Unsupported', list]],
  };
}

/** Reads the offer of an INVITE by the rule of the caller's trunk; null when it has none. */
export function readOffer(
  leg: Pick<Leg, 'trunk'>,
  request: SipRequest,
): Result<AudioDescription | null, CodedError> {
  if (request.body.length === 0) return ok(null);
  if (request.contentType !== 'application/sdp') {
    return err({
      code: 'BODY_UNSUPPORTED',
      message: `Content-Type ${request.contentType ?? 'missing'}`,
    });
  }
  const encoding = request.header('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return err({ code: 'BODY_UNSUPPORTED', message: `Content-Encoding ${encoding}` });
  }
  const read = readOfferOf(leg, request);
  return read.ok ? acceptable(read.value) : read;
}
