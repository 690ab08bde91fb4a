// A dialog (RFC 3261 §12): its identity, route set, remote target and sequence numbers, and the
// requests built from them. It sends nothing and keeps no call state; that is b2bua's.
import { err, ok } from '../../base/index.ts';
import type { CodedError, Result, SendTarget } from '../../base/index.ts';
import { detached, parseNameAddr, parseUri, quotedText } from '../message/index.ts';
import type {
  HeaderLines,
  NameAddr,
  OutgoingRequest,
  SipRequest,
  SipResponse,
  SipUri,
} from '../types.ts';
import { sendTargetOf } from './send-target.ts';

/** A request inside a dialog and where it goes. */
export interface DialogRequest {
  readonly request: OutgoingRequest;
  readonly target: SendTarget;
  /** The CSeq number it carries. */
  readonly cseq: number;
}

export interface DialogRequestParts {
  /** Further headers, after those of the dialog. */
  readonly headers?: HeaderLines;
  readonly body?: Buffer | null;
  /** 70 when left out; a B2BUA passes the other side's on, less one. */
  readonly maxForwards?: number;
}

export interface DialogOptions {
  /**
   * Where requests go whatever route set and remote target say: a UDP peer behind NAT is reached at
   * the source of its messages only. The route set still stands in the request.
   */
  readonly pinnedTarget?: SendTarget | null;
  /** Where the peer was met, for `fallBack`. */
  readonly metAt?: SendTarget | null;
}

/**
 * Requests that may change the remote target and so carry our Contact (RFC 3261 §12.2, 3311, 3515,
 * 6665).
 */
const TARGET_REFRESH = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER']);
/** RFC 3261 §8.1.1.5: CSeq numbers stay below 2^31. */
const CSEQ_LIMIT = 2 ** 31;
const MAX_FORWARDS = 70;

/** Everything that makes a dialog; the two roles fill it differently. */
interface DialogFacts {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To values of our requests, tags included. */
  readonly localText: string;
  readonly remoteText: string;
  readonly localContact: string;
  readonly remoteTarget: string;
  /** Next hop first. */
  readonly routeSet: readonly string[];
  readonly localCseq: number;
  readonly remoteCseq: number | null;
  readonly pinnedTarget: SendTarget | null;
  readonly metAt: SendTarget | null;
}

/**
 * The Record-Route lines that a response which makes a dialog copies from its request (RFC 3261
 * §12.1.1).
 */
export function recordRouteLines(request: SipRequest): HeaderLines {
  return request.recordRoutes.map((value) => ['Record-Route', value] as const);
}

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  /** Empty when the peer gave none (RFC 2543). */
  readonly remoteTag: string;
  readonly localContact: string;
  readonly #localText: string;
  readonly #remoteText: string;
  #remoteTarget: string;
  readonly #routeSet: readonly string[];
  #localCseq: number;
  #remoteCseq: number | null;
  #pinnedTarget: SendTarget | null;
  #metAt: SendTarget | null;
  /** Where requests go by route set and remote target; null when one of them has changed since. */
  #routed: Result<Routed, CodedError> | null = null;

  private constructor(facts: DialogFacts) {
    // Copies: cut out of a message, each would hold all of it for the life of the dialog.
    this.callId = detached(facts.callId);
    this.localTag = detached(facts.localTag);
    this.remoteTag = detached(facts.remoteTag);
    this.localContact = detached(facts.localContact);
    this.#localText = detached(facts.localText);
    this.#remoteText = detached(facts.remoteText);
    this.#remoteTarget = detached(facts.remoteTarget);
    this.#routeSet = facts.routeSet.map(detached);
    this.#localCseq = facts.localCseq;
    this.#remoteCseq = facts.remoteCseq;
    this.#pinnedTarget = facts.pinnedTarget;
    this.#metAt = facts.metAt;
  }

  /**
   * The dialog that a response to our request makes (RFC 3261 §12.1.2). The route set is Record-Route
   * reversed.
   * @param request as we sent it; its From, Call-ID and CSeq are the dialog's.
   * @returns MESSAGE_MALFORMED when our request lacks From tag, Call-ID or CSeq, or the Contact
   * can't be read.
   */
  static fromUac(
    request: OutgoingRequest,
    response: SipResponse,
    options: DialogOptions = {},
  ): Result<Dialog, CodedError> {
    const fromText = lineValue(request.headers, 'from') ?? '';
    const from = parseNameAddr(fromText);
    if (!from.ok) return from;
    const callId = lineValue(request.headers, 'call-id');
    const localCseq = Number.parseInt(lineValue(request.headers, 'cseq') ?? '', 10);
    if (from.value.tag === null || callId === null || !Number.isSafeInteger(localCseq)) {
      return malformed(`${request.method} without From tag, Call-ID or CSeq makes no dialog`);
    }
    return ok(
      new Dialog({
        callId,
        localTag: from.value.tag,
        remoteTag: response.to.tag ?? '',
        localText: fromText,
        remoteText: partyText(response.to, response.to.tag),
        localContact: lineValue(request.headers, 'contact') ?? `<${from.value.uri}>`,
        // A 2xx without Contact breaks §12.1.1, yet peers send it: the URI that reached them once
        // still does.
        remoteTarget: response.contacts[0]?.uri ?? request.uri,
        routeSet: response.recordRoutes.toReversed(),
        localCseq,
        remoteCseq: null,
        pinnedTarget: options.pinnedTarget ?? null,
        metAt: options.metAt ?? null,
      }),
    );
  }

  /**
   * The dialog that our response to a request makes (RFC 3261 §12.1.1). The route set is
   * Record-Route in order.
   * @param local.tag     the tag our response puts in To.
   * @param local.contact our Contact value, with angle brackets.
   */
  static fromUas(
    request: SipRequest,
    local: { readonly tag: string; readonly contact: string },
    options: DialogOptions = {},
  ): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag: local.tag,
      remoteTag: request.from.tag ?? '',
      localText: partyText(request.to, local.tag),
      remoteText: partyText(request.from, request.from.tag),
      localContact: local.contact,
      remoteTarget: request.contacts[0]?.uri ?? request.from.uri,
      routeSet: request.recordRoutes,
      // Empty until our first request (§12.1.1), which takes the next number.
      localCseq: 0,
      remoteCseq: request.cseq.number,
      pinnedTarget: options.pinnedTarget ?? null,
      metAt: options.metAt ?? null,
    });
  }

  /**
   * The same parties under another tag of ours: a further early dialog of the INVITE that made this
   * one (RFC 3261 §12.1.1, §13.1). Only before the first request of ours.
   */
  retagged(tag: string): Dialog {
    const localText = this.#localText.slice(0, this.#localText.length - this.localTag.length) + tag;
    return new Dialog({
      callId: this.callId,
      localTag: tag,
      remoteTag: this.remoteTag,
      localText,
      remoteText: this.#remoteText,
      localContact: this.localContact,
      remoteTarget: this.#remoteTarget,
      routeSet: this.#routeSet,
      localCseq: this.#localCseq,
      remoteCseq: this.#remoteCseq,
      pinnedTarget: this.#pinnedTarget,
      metAt: this.#metAt,
    });
  }

  /** Where its requests go whatever route set and remote target say; null: where these lead. */
  get pinnedTarget(): SendTarget | null {
    return this.#pinnedTarget;
  }

  /** The peer came from another place than before: what is led to where it was met is led there from now on. */
  meet(at: SendTarget): void {
    if (this.#pinnedTarget !== null) this.#pinnedTarget = at;
    this.#metAt = at;
  }

  /** Where the peer was met, if route set and remote target lead elsewhere; null when requests go there already. */
  get orElse(): SendTarget | null {
    const metAt = this.#metAt;
    if (metAt === null || this.#pinnedTarget !== null) return null;
    this.#routed ??= this.#route();
    const led = this.#routed.ok ? sendTargetOf(this.#routed.value.nextHop) : this.#routed;
    return led.ok && isSamePlace(led.value, metAt) ? null : metAt;
  }

  /**
   * Route set and remote target turned out to lead nowhere, as a name without an address does: from now on requests go
   * to where the peer was met.
   * @returns false when that isn't known, or is where they went already.
   */
  fallBack(): boolean {
    const { orElse } = this;
    if (orElse === null) return false;
    this.#pinnedTarget = orElse;
    return true;
  }

  /** The CSeq number of our newest request; 0 before the first one of a dialog that the peer opened. */
  get lastCseq(): number {
    return this.#localCseq;
  }

  /** URI text that our requests name (RFC 3261 §12: the peer's Contact). */
  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  /** Route values of our requests, next hop first, as name-addr text. */
  get routeSet(): readonly string[] {
    return this.#routeSet;
  }

  /** A re-INVITE or UPDATE, or the 2xx to ours, named a Contact (RFC 3261 §12.2.1.2, §12.2.2). */
  refreshTarget(contact: NameAddr | null): void {
    if (contact === null || contact.uri === this.#remoteTarget) return;
    this.#remoteTarget = detached(contact.uri);
    this.#routed = null;
  }

  /**
   * Checks the CSeq number of a new request from the peer (RFC 3261 §12.2.2). Not for ACK and
   * CANCEL, which repeat their INVITE's.
   * @returns 'stale' when it isn't above the last one: answer 500.
   */
  acceptRequest(cseq: number): 'ok' | 'stale' {
    if (this.#remoteCseq !== null && cseq <= this.#remoteCseq) return 'stale';
    this.#remoteCseq = cseq;
    return 'ok';
  }

  /**
   * The next request of this dialog (RFC 3261 §12.2.1.1), with the next CSeq number. Target-refresh
   * methods carry our Contact.
   * @returns MESSAGE_MALFORMED or URI_UNSUPPORTED when the peer's Contact or first route leads
   * nowhere; the
   *          CSeq number is used up all the same.
   */
  buildRequest(method: string, parts: DialogRequestParts = {}): Result<DialogRequest, CodedError> {
    if (this.#localCseq + 1 >= CSEQ_LIMIT) return malformed('the CSeq numbers are used up');
    this.#localCseq += 1;
    return this.#build(method, this.#localCseq, parts);
  }

  /**
   * The ACK of a 2xx (RFC 3261 §13.2.2.4).
   * @param cseq  the INVITE's CSeq number.
   * @param parts the answer to a late offer as body; credentials of the INVITE, if any, as headers
   * (§22.1).
   */
  buildAck(cseq: number, parts: DialogRequestParts = {}): Result<DialogRequest, CodedError> {
    return this.#build('ACK', cseq, parts);
  }

  /** Hosts at which the peer says it is: of its Contact and of the first hop to it. Literals without brackets, or names. */
  get peerHosts(): readonly string[] {
    this.#routed ??= this.#route();
    const remote = parseUri(this.#remoteTarget);
    const uris = [
      ...(remote.ok ? [remote.value] : []),
      ...(this.#routed.ok ? [this.#routed.value.nextHop] : []),
    ];
    return uris.flatMap((uri) => {
      const target = sendTargetOf(uri);
      return target.ok ? [target.value.host] : [];
    });
  }

  #build(
    method: string,
    cseq: number,
    parts: DialogRequestParts,
  ): Result<DialogRequest, CodedError> {
    this.#routed ??= this.#route();
    const routed = this.#routed;
    if (!routed.ok) return routed;
    const { uri, routes, nextHop } = routed.value;
    const target = this.#pinnedTarget === null ? sendTargetOf(nextHop) : ok(this.#pinnedTarget);
    if (!target.ok) return target;
    const headers: (readonly [string, string])[] = [
      ['Max-Forwards', String(parts.maxForwards ?? MAX_FORWARDS)],
      ...routes.map((route) => ['Route', route] as const),
      ['From', this.#localText],
      ['To', this.#remoteText],
      ['Call-ID', this.callId],
      ['CSeq', `${cseq} ${method}`],
    ];
    if (TARGET_REFRESH.has(method)) headers.push(['Contact', this.localContact]);
    headers.push(...(parts.headers ?? []));
    const request: OutgoingRequest = { method, uri, headers, body: parts.body ?? null };
    return ok({ request, target: target.value, cseq });
  }

  /**
   * Request-URI, Route and next hop (RFC 3261 §12.2.1.1): loose, or strict when the first route
   * lacks `lr`.
   */
  #route(): Result<Routed, CodedError> {
    const [first, ...rest] = this.#routeSet;
    const remote = parseUri(this.#remoteTarget);
    if (!remote.ok) return remote;
    const remoteUri = requestUriOf(remote.value);
    if (first === undefined) return ok({ uri: remoteUri, routes: [], nextHop: remote.value });
    const route = parseNameAddr(first);
    if (!route.ok) return route;
    const nextHop = parseUri(route.value.uri);
    if (!nextHop.ok) return nextHop;
    if (nextHop.value.params.has('lr')) {
      return ok({ uri: remoteUri, routes: this.#routeSet, nextHop: nextHop.value });
    }
    const uri = requestUriOf(nextHop.value);
    return ok({ uri, routes: [...rest, `<${this.#remoteTarget}>`], nextHop: nextHop.value });
  }
}

interface Routed {
  readonly uri: string;
  readonly routes: readonly string[];
  readonly nextHop: SipUri;
}

/**
 * A URI as a Request-URI: without the headers part and `method`, which are not allowed there
 * (§19.1.1).
 */
function requestUriOf(uri: SipUri): string {
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return uri.text;
  // The user part may hold ';' and '?' of its own (§25.1), so only what follows it is cut.
  const hostAt = uri.text.lastIndexOf('@') + 1;
  const [hostAndParams = ''] = uri.text.slice(hostAt).split('?', 1);
  return uri.text.slice(0, hostAt) + hostAndParams.replace(/;method(=[^;]*)?(?=;|$)/i, '');
}

/**
 * A From or To value. The tag is given apart: in a UAS's To it is ours, which the request lacks.
 */
function partyText(party: NameAddr, tag: string | null): string {
  const display = party.display === null || party.display === '' ? '' : quotedText(party.display);
  const address = display === '' ? `<${party.uri}>` : `${display} <${party.uri}>`;
  return tag === null || tag === '' ? address : `${address};tag=${tag}`;
}

function isSamePlace(one: SendTarget, other: SendTarget): boolean {
  return one.transport === other.transport && one.host === other.host && one.port === other.port;
}

function lineValue(headers: HeaderLines, nameLower: string): string | null {
  return headers.find(([name]) => name.toLowerCase() === nameLower)?.[1] ?? null;
}

function malformed(message: string): Result<never, CodedError> {
  return err({ code: 'MESSAGE_MALFORMED', message });
}
