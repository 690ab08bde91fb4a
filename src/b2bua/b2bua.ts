// The back-to-back user agent: two dialogs and two endpoints a call. Here inputs find their call; the phases do the work.
import type { CallId, ClientTxnId, Flow, MonoMs, Now, ServerTxnId } from '../base/index.ts';
import { neverReached } from '../base/index.ts';
import type { SipRequest } from '../sip/index.ts';
import type { GatewayHealth } from '../trunks/index.ts';
import { CallTable } from './call-table.ts';
import type { Attempt, Call, TimerName } from './call.ts';
import type { Answer, ResponseNews } from './context.ts';
import { onReinviteFailed, onReinviteResponse, onRestoreTimer } from './change-answers.ts';
import { onAloneAnswered, onAloneUnsent, sendBye } from './dialog-requests.ts';
import { onDigitTold, tellNext } from './digit-queue.ts';
import { onInfo } from './digits.ts';
import { endCall } from './ending.ts';
import { onEngineEvent } from './engine-events.ts';
import { admit, answerRefusal, checkRequire } from './inbound.ts';
import { onAck, onChangeTimer, onReinvite, onReinviteCancelled } from './modify.ts';
import { startCall } from './new-call.ts';
import { outcomeOf } from './outcome.ts';
import { maySpeak } from './peer-source.ts';
import { recordRefusal } from './refused-call.ts';
import { ALLOW, refusalAnswer } from './responses.ts';
import {
  onAnswer,
  onEngineTimer,
  onExpiresTimer,
  onGatewayTimer,
  onProgress,
  onRefusal,
  onRingTimer,
  onUnreachable,
} from './setup.ts';
import { refuseOpening, refuseUnrecorded } from './store-failure.ts';
import {
  onAckMissing,
  onBye,
  onCancelled,
  onEarlyBye,
  onLateFinal,
  onLingerTimer,
} from './teardown.ts';
import type { B2buaInput, B2buaOutput, B2buaSettings, Held, LiveCall, SipNews } from './types.ts';
import { viewOf } from './view.ts';

/** One per signalling process; a core as ARCHITECTURE has it, with both clocks since records are dated. */
export class B2bua {
  readonly #table: CallTable;
  #draining = false;
  #storeAvailable = true;
  #engineReady = true;
  #lastCall = 0;

  constructor(settings: B2buaSettings, health: GatewayHealth) {
    this.#table = new CallTable(settings, health);
  }

  /** Calls that are not over yet. */
  get callCount(): number {
    return this.#table.calls.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get nextDeadline(): MonoMs | null {
    return this.#table.nextDeadline;
  }

  /** Everything still held, for leak checks: all zero when no call is up and 32 s have passed. */
  get held(): Held {
    return this.#table.held;
  }

  /** Finals of our requests and ACKs of our answers that are still to come: who ends the process waits for them a moment. */
  get awaited(): number {
    return this.#table.awaited;
  }

  /** Live calls in the order they started. */
  *liveCalls(): Generator<LiveCall> {
    for (const call of this.#table.calls.values()) yield viewOf(call);
  }

  liveCall(id: CallId): LiveCall | null {
    const call = this.#table.calls.get(id);
    return call === undefined ? null : viewOf(call);
  }

  /** Outputs in the order they must happen; all of them are carried out before the next call. */
  handle(now: Now, input: B2buaInput): readonly B2buaOutput[] {
    this.#table.now = now;
    switch (input.kind) {
      case 'sip':
        this.#onSip(input.news);
        break;
      case 'engine':
        if (input.event.kind === 'engineLost') this.#engineReady = false;
        onEngineEvent(this.#table, input.event);
        break;
      case 'engineReady':
        this.#engineReady = input.ready;
        break;
      case 'hangup': {
        const call = this.#table.calls.get(input.callId);
        if (call !== undefined) endCall(this.#table, call, outcomeOf(input.cause), 'platform');
        break;
      }
      case 'hangupAll':
        for (const call of [...this.#table.calls.values()])
          endCall(this.#table, call, outcomeOf(input.cause), 'platform');
        break;
      case 'drain':
        this.#draining = input.on;
        break;
      case 'storeHealth':
        this.#storeAvailable = input.available;
        if (!input.available) refuseOpening(this.#table, this.#table.calls.values());
        break;
      case 'unrecorded':
        this.#onUnrecorded(input.txn);
        break;
      case 'reload':
        this.#table.settings = { ...this.#table.settings, book: input.book };
        break;
      default:
        neverReached(input);
    }
    return this.#table.takeOutputs();
  }

  handleDeadline(now: Now): readonly B2buaOutput[] {
    this.#table.now = now;
    this.#table.expire((call, name) => this.#onTimer(call, name));
    return this.#table.takeOutputs();
  }

  // ── SIP ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onSip(news: SipNews): void {
    switch (news.kind) {
      case 'requestReceived':
        this.#onRequest(news);
        break;
      case 'ackReceived':
        this.#onAck(news);
        break;
      case 'cancelled':
        this.#onCancelled(news.txn, news.reason);
        break;
      case 'responseReceived':
        this.#onResponse(news);
        break;
      case 'requestFailed':
        this.#onFailed(news.txn, news.why);
        break;
      case 'ackMissing': {
        const place = this.#table.byServerTxn(news.txn);
        if (place !== null) onAckMissing(this.#table, place.call, place.leg);
        else this.#payBye(news.txn);
        break;
      }
      default:
        neverReached(news);
    }
  }

  /** An ACK may bring the answer to our offer, and so must come from its party as every request in a dialog. */
  #onAck({ txn, flow, request }: Extract<SipNews, { kind: 'ackReceived' }>): void {
    const place = this.#table.byServerTxn(txn);
    const leg = place?.leg ?? this.#table.owedBye(txn)?.leg ?? null;
    if (leg !== null && !maySpeak(this.#table, leg, flow)) {
      this.#table.rejected('SOURCE_NOT_ALLOWED', null);
      return;
    }
    this.#table.sip({ kind: 'ackTaken', txn });
    if (place === null) {
      this.#payBye(txn);
      return;
    }
    onAck(this.#table, place.call, place.leg, request);
    tellNext(this.#table, place.call, place.leg);
  }

  // Of a call that ended before the caller acknowledged its answer.
  #payBye(txn: ServerTxnId): void {
    const bye = this.#table.owedBye(txn);
    this.#table.forgetOwedBye(txn);
    if (bye !== null) sendBye(this.#table, bye.dialog, bye.outcome, null);
  }

  /** A BYE instead of the ACK that ours waits for: its sender acknowledges nothing any more, and needs no BYE of ours. */
  #crossesOwedBye(tag: string, request: SipRequest, flow: Flow): boolean {
    const invite = this.#table.owedByTag(tag);
    const bye = invite === null ? null : this.#table.owedBye(invite);
    if (invite === null || bye === null) return false;
    const { leg, dialog } = bye;
    const ours = leg.sipCallId === request.callId && dialog.remoteTag === (request.from.tag ?? '');
    if (!ours || !maySpeak(this.#table, leg, flow)) return false;
    this.#table.forgetOwedBye(invite);
    this.#table.sip({ kind: 'ackTaken', txn: invite });
    return true;
  }

  #onRequest(news: Extract<SipNews, { kind: 'requestReceived' }>): void {
    const { request, txn } = news;
    if (request.to.tag !== null) {
      this.#onInDialog(news, request.to.tag);
      return;
    }
    if (request.method === 'INVITE') {
      this.#onInvite(news);
      return;
    }
    const { book } = this.#table.settings;
    const isStranger = book.bySource(news.flow.remote.host) === null;
    // Digest callers come from anywhere, so strangers are answered; nothing is kept of them, for their source may be forged.
    const tell = (answer: Answer): void => {
      if (isStranger) this.#table.dismiss(txn, answer);
      else this.#table.respond(txn, answer);
    };
    if (isStranger && !book.hasDigestTrunks) {
      tell({ status: 403, toTag: null });
      this.#table.rejected('SOURCE_NOT_ALLOWED', null);
    } else if (request.method === 'OPTIONS') tell(this.#answerToOptions(request));
    else if (request.method === 'BYE') tell({ status: 481, toTag: this.#table.random.hex(8) });
    else tell(this.#methodRefused());
  }

  #onInvite({ txn, request, flow }: Extract<SipNews, { kind: 'requestReceived' }>): void {
    const gate = {
      draining: this.#draining,
      storeAvailable: this.#storeAvailable,
      engineReady: this.#engineReady,
    };
    const admitted = admit(this.#table, request, flow, gate);
    if (!admitted.ok) {
      recordRefusal(this.#table, request, admitted.error);
      answerRefusal(this.#table, txn, admitted.error);
      return;
    }
    this.#lastCall = (this.#lastCall + 1) >>> 0;
    const call = startCall(this.#table, {
      number: this.#lastCall,
      txn,
      request,
      flow,
      admitted: admitted.value,
    });
    this.#table.addCall(call);
  }

  #onInDialog(
    { txn, request, flow }: Extract<SipNews, { kind: 'requestReceived' }>,
    tag: string,
  ): void {
    if (request.method === 'BYE' && this.#crossesOwedBye(tag, request, flow)) {
      this.#table.respond(txn, { status: 200, toTag: null });
      return;
    }
    const place = this.#table.byTag(tag);
    if (place !== null && !maySpeak(this.#table, place.leg, flow)) {
      this.#table.dismiss(txn, { status: 403, toTag: null });
      this.#table.rejected('SOURCE_NOT_ALLOWED', null);
      return;
    }
    const dialog = place?.leg.dialog ?? null;
    const ours =
      place !== null &&
      dialog !== null &&
      place.leg.sipCallId === request.callId &&
      dialog.remoteTag === (request.from.tag ?? '');
    if (place !== null && dialog === null && request.method === 'BYE') {
      this.#table.respond(txn, onEarlyBye(this.#table, place.call, place.leg, request));
      return;
    }
    if (!ours || place.leg.finished || place.call.ending !== null) {
      // A BYE that crosses ours is answered 200 by an ended leg still known; strangers get 481.
      const status = ours && request.method === 'BYE' ? 200 : 481;
      const answer = { status, toTag: null };
      // Anyone can make a tag up; what names none of ours must not take the room of requests that do.
      if (place === null) this.#table.dismiss(txn, answer);
      else this.#table.respond(txn, answer);
      return;
    }
    if (dialog.acceptRequest(request.cseq.number) === 'stale') {
      this.#table.respond(txn, { status: 500, toTag: null });
      return;
    }
    const unsupported = checkRequire(request);
    if (unsupported !== null) {
      const { error, headers } = unsupported;
      this.#table.respond(txn, refusalAnswer(error, null, headers));
      return;
    }
    const { call, leg } = place;
    switch (request.method) {
      case 'BYE':
        onBye(this.#table, call, leg, txn, request);
        break;
      case 'INVITE':
        onReinvite(this.#table, call, leg, { txn, request, flow });
        break;
      case 'INFO':
        onInfo(this.#table, call, leg, txn, request);
        break;
      case 'OPTIONS':
        // Asked about this call, which goes on whatever new ones would be told (SPEC E21).
        this.#table.respond(txn, capabilities(null));
        break;
      default:
        this.#table.respond(txn, this.#methodRefused());
    }
  }

  #answerToOptions(request: SipRequest): Answer {
    const toTag = this.#table.random.hex(8);
    const unsupported = checkRequire(request);
    if (unsupported !== null) {
      return refusalAnswer(unsupported.error, toTag, unsupported.headers);
    }
    if (this.#draining || !this.#engineReady || !this.#storeAvailable) {
      // SPEC E21: neighbours that probe us stop sending calls before they are refused one by one.
      const error = { code: 'NODE_DRAINING', message: 'draining', retryAfterS: 30 } as const;
      return refusalAnswer(error, toTag);
    }
    return capabilities(toTag);
  }

  #methodRefused(): Answer {
    return { status: 405, toTag: this.#table.random.hex(8), headers: [['Allow', ALLOW]] };
  }

  #onCancelled(txn: ServerTxnId, reason: string | null): void {
    const place = this.#table.byServerTxn(txn);
    if (place === null) return;
    const { call, leg } = place;
    if (leg.history.answeredAt === null) onCancelled(this.#table, call, reason);
    else onReinviteCancelled(this.#table, call, leg);
  }

  #onResponse(news: Extract<SipNews, { kind: 'responseReceived' }>): void {
    const { txn, response } = news;
    const use = this.#table.txnUse(txn);
    if (use === null) return;
    const { status } = response;
    // A 2xx to INVITE may come again from another fork; after any other final nothing more comes.
    const forks = status < 300 && (use.kind === 'invite' || use.kind === 'late');
    if (status >= 200 && !forks) this.#table.forgetTxn(txn);
    switch (use.kind) {
      case 'invite':
        this.#onInviteResponse(use.call, use.attempt, news);
        break;
      case 'late':
        if (status >= 200) onLateFinal(this.#table, txn, use, response);
        break;
      case 'reinvite':
        onReinviteResponse(this.#table, use.call, use.leg, txn, response);
        tellNext(this.#table, use.call, use.leg);
        break;
      case 'alone':
        if (onAloneAnswered(this.#table, use, response)) onDigitTold(this.#table, use, status);
        break;
      default:
        neverReached(use);
    }
  }

  #onInviteResponse(call: Call, attempt: Attempt, news: ResponseNews): void {
    const { response } = news;
    const { status } = response;
    if (status < 200) onProgress(this.#table, call, attempt, response);
    else if (status < 300) onAnswer(this.#table, call, attempt, response);
    else onRefusal(this.#table, call, attempt, news);
  }

  #onFailed(txn: ClientTxnId, why: 'timeout' | 'transport'): void {
    const use = this.#table.txnUse(txn);
    if (use === null) return;
    this.#table.forgetTxn(txn);
    if (use.kind === 'invite') onUnreachable(this.#table, use.call, use.attempt, why);
    else if (use.kind === 'reinvite')
      onReinviteFailed(this.#table, use.call, use.leg, { txn, why });
    else if (use.kind === 'late') onLateFinal(this.#table, txn, use, null);
    else if (why === 'timeout' || onAloneUnsent(this.#table, use)) {
      onDigitTold(this.#table, use, null);
    }
  }

  #onUnrecorded(txn: ClientTxnId): void {
    const use = this.#table.txnUse(txn);
    this.#table.forgetTxn(txn);
    if (use?.kind === 'invite') refuseUnrecorded(this.#table, use.call);
    else if (use?.kind === 'late') onLateFinal(this.#table, txn, use, null);
  }

  #onTimer(call: Call, name: TimerName): void {
    switch (name) {
      case 'gateway':
        onGatewayTimer(this.#table, call);
        break;
      case 'ring':
        onRingTimer(this.#table, call);
        break;
      case 'expires':
        onExpiresTimer(this.#table, call);
        break;
      case 'change':
        onChangeTimer(this.#table, call);
        break;
      case 'restore':
        onRestoreTimer(this.#table, call);
        break;
      case 'engine':
        onEngineTimer(this.#table, call);
        break;
      case 'maxDuration':
        endCall(this.#table, call, outcomeOf('MAX_DURATION', 200), 'platform');
        break;
      case 'linger':
        onLingerTimer(this.#table, call);
        break;
      default:
        neverReached(name);
    }
  }
}

/** What an OPTIONS asks for (RFC 3261 §11.2). */
function capabilities(toTag: string | null): Answer {
  const headers = [
    ['Allow', ALLOW],
    ['Accept', 'application/sdp'],
  ] as const;
  return { status: 200, toTag, headers };
}
