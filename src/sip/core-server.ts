// The server side of the SIP core: requests become server transactions, repeats and ACKs end here,
// CANCEL finds its INVITE, and what can't become a transaction is answered without one.
// RFC 3261 §8.2, §9.2, §13.3.1.4, §17.2, §18.2.
import { createHash } from 'node:crypto';
import { ERRORS, serverTxnId } from '../base/index.ts';
import type { CodedError, Flow, HostPort, Random, ServerTxnId } from '../base/index.ts';
import { ackKey, ackKeyPrefix, mergeKey, replyFlow, serverKey } from './core-routing.ts';
import type { TransactionTable } from './core-table.ts';
import {
  detached,
  keepAnswerHead,
  parseMessage,
  safeText,
  writeResponse,
} from './message/index.ts';
import type { AnswerHead, MessageIndex } from './message/index.ts';
import { InviteServer } from './transaction/invite-server.ts';
import type { InviteServerHost } from './transaction/invite-server.ts';
import { NonInviteServer } from './transaction/non-invite-server.ts';
import type { NonInviteServerHost } from './transaction/non-invite-server.ts';
import type { EndReason, TimerSlot, Timings } from './transaction/transaction.ts';
import type { HeaderLines, OutgoingResponse, SipRequest } from './types.ts';

type ServerTransaction = InviteServer | NonInviteServer;

/** What the core keeps beside a server machine. */
interface ServerRecord {
  readonly machine: ServerTransaction;
  /** The address it came from: only from there it can be cancelled. */
  readonly sourceHost: string;
  readonly mergeKey: string | null;
  /** Set by a 2xx to INVITE. */
  ackKey: string | null;
  /** Our To tag, once a response carried one. */
  localTag: string | null;
  /** What responses are written from; dropped at the final one, and with it the request. */
  answering: Answering | null;
}

interface Answering {
  readonly head: AnswerHead;
  /** Where the request came from: goes into received and rport. */
  readonly source: HostPort;
  /** Timestamp header of an INVITE, which a 100 repeats (RFC 3261 §8.2.6.1). */
  readonly timestamp: string | null;
  /** What the ACK of a 2xx will be found by, but for our tag. */
  readonly ackPrefix: string;
}

/**
 * Longest reason phrase that names a break: short, so that an answer is no longer than its request.
 */
const REASON_LENGTH_MAX = 80;
/**
 * Retry-After of an overloaded core: 1 to this many seconds, drawn so that the refused don't return
 * together.
 */
const RETRY_AFTER_S_MAX = 4;
const STATELESS_TAG_HEX = 16;

export class ServerSide implements InviteServerHost, NonInviteServerHost {
  readonly #table: TransactionTable;
  readonly #random: Random;
  /** Keys the tags of answers without a transaction. */
  readonly #tagSecret: string;
  readonly #records = new Map<number, ServerRecord>();
  readonly #byKey = new Map<string, ServerTransaction>();
  readonly #byAckKey = new Map<string, InviteServer>();
  /** Keys of requests outside dialogs that are being served (§8.2.2.2). */
  readonly #merges = new Set<string>();

  constructor(options: { table: TransactionTable; random: Random }) {
    this.#table = options.table;
    this.#random = options.random;
    this.#tagSecret = options.random.hex(16);
  }

  get timings(): Timings {
    return this.#table.timings;
  }

  /** Takes a request that passed the guard. */
  receive(flow: Flow, index: MessageIndex): void {
    if (index.method === 'ACK') {
      this.#receiveAck(flow, index);
      return;
    }
    if (index.method === 'CANCEL') {
      this.#receiveCancel(flow, index);
      return;
    }
    const key = serverKey(index, index.method);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.handleRepeat();
      return;
    }
    this.#receiveNew(flow, index, key);
  }

  /**
   * Sends the user's response; without effect once a final one was sent or the transaction is gone.
   */
  respond(id: ServerTxnId, response: OutgoingResponse): void {
    const record = this.#records.get(id);
    const answering = record?.answering ?? null;
    if (record === undefined || answering === null) return;
    const { machine } = record;
    const { status } = response;
    if (machine.kind === 'nonInviteServer' && !machine.allows(status)) return;
    const bytes = writeResponse(answering.head, response, answering.source);
    if (status > 100) record.localTag = answering.head.toTag ?? response.toTag;
    if (status >= 200) record.answering = null;
    if (machine.kind === 'inviteServer') {
      if (status >= 200 && status < 300) {
        record.ackKey = ackKey(answering.ackPrefix, record.localTag ?? '');
        this.#byAckKey.set(record.ackKey, machine);
      }
      machine.respond(status, bytes);
    } else if (status >= 200) {
      machine.respondFinal(status, bytes);
    } else {
      machine.respondTrying(bytes);
    }
  }

  /** Sends the user's final answer once and forgets the transaction; see SipInput `dismiss`. */
  dismiss(id: ServerTxnId, response: OutgoingResponse): void {
    const record = this.#records.get(id);
    const answering = record?.answering ?? null;
    if (record === undefined || answering === null) return;
    const toTag = this.#statelessTag(record.machine.key);
    const bytes = writeResponse(answering.head, { ...response, toTag }, answering.source);
    this.#table.emit({ kind: 'send', to: record.machine.to, bytes, txn: null });
    this.ended(record.machine, 'done');
  }

  /** The user has taken an ACK of our 2xx: it isn't repeated any more. */
  takeAck(id: ServerTxnId): void {
    const machine = this.#records.get(id)?.machine;
    if (machine?.kind === 'inviteServer') machine.handleSuccessAck();
  }

  /**
   * Answers without a transaction what the guard rejected. ACKs and responses are never answered.
   */
  refuse(flow: Flow, options: { index: MessageIndex; error: CodedError }): void {
    const { index, error } = options;
    const status = ERRORS[error.code].sip;
    const answered = index.isRequest && index.method !== 'ACK' && status !== null;
    if (answered) {
      const isMalformed = error.code === 'MESSAGE_MALFORMED';
      const reason = isMalformed ? safeText(error.message).slice(0, REASON_LENGTH_MAX) : null;
      const retryAfter = error.retryAfterS;
      const headers: HeaderLines =
        retryAfter === undefined ? [] : [['Retry-After', String(retryAfter)]];
      this.#answerStateless(flow, index, { status, reason, headers });
    }
    this.#table.emit({ kind: 'refused', flow, error, answered });
  }

  transmit(txn: ServerTransaction, bytes: Buffer): void {
    this.#table.emit({ kind: 'send', to: txn.to, bytes, txn: null });
  }

  arm(txn: ServerTransaction, slot: TimerSlot, delayMs: number): void {
    this.#table.arm(txn, slot, delayMs);
  }

  disarm(txn: ServerTransaction, slot: TimerSlot): void {
    this.#table.disarm(txn, slot);
  }

  answerTrying(txn: ServerTransaction): void {
    const answering = this.#records.get(txn.serial)?.answering ?? null;
    if (answering === null) return;
    const { head, source, timestamp } = answering;
    const headers: HeaderLines = timestamp === null ? [] : [['Timestamp', timestamp]];
    const bytes = writeResponse(
      head,
      { status: 100, reason: null, toTag: null, headers, body: null },
      source,
    );
    if (txn.kind === 'inviteServer') txn.respond(100, bytes);
    else txn.respondTrying(bytes);
  }

  ended(txn: ServerTransaction, why: EndReason): void {
    this.#table.remove(txn);
    this.#byKey.delete(txn.key);
    const record = this.#records.get(txn.serial);
    this.#records.delete(txn.serial);
    if (record === undefined) return;
    if (record.mergeKey !== null) this.#merges.delete(record.mergeKey);
    if (record.ackKey !== null && this.#byAckKey.get(record.ackKey) === txn) {
      this.#byAckKey.delete(record.ackKey);
    }
    if (why === 'ackMissing') {
      this.#table.emit({ kind: 'ackMissing', txn: serverTxnId(txn.serial) });
    }
  }

  #receiveNew(flow: Flow, index: MessageIndex, key: string): void {
    const merge = mergeKey(index);
    if (merge !== null && this.#merges.has(merge)) {
      const message = `${index.method} with CSeq ${index.cseq.number} came by a second way`;
      this.refuse(flow, { index, error: { code: 'LOOP_DETECTED', message } });
      return;
    }
    if (!this.#table.hasRoom({ inDialog: index.toTag !== null })) {
      this.refuse(flow, { index, error: this.#overloaded() });
      return;
    }
    const parsed = parseMessage(index);
    if (!parsed.ok) {
      this.refuse(flow, { index, error: parsed.error });
      return;
    }
    if (parsed.value.kind === 'request') {
      this.#open(flow, { index, key, mergeKey: merge, request: parsed.value });
    }
  }

  #open(
    flow: Flow,
    options: {
      index: MessageIndex;
      key: string;
      mergeKey: string | null;
      request: SipRequest;
    },
  ): void {
    const { index, request } = options;
    const identity = {
      serial: this.#table.nextSerial(),
      to: replyFlow(flow, index.topVia),
      key: detached(options.key),
    };
    const isInvite = index.method === 'INVITE';
    const machine = isInvite
      ? new InviteServer(identity, this)
      : new NonInviteServer(identity, this);
    const merge = options.mergeKey === null ? null : detached(options.mergeKey);
    this.#records.set(identity.serial, {
      machine,
      sourceHost: flow.remote.host,
      mergeKey: merge,
      ackKey: null,
      localTag: null,
      answering: {
        // An INVITE may ring for minutes, so its text and bytes are let go now; others are answered
        // at once.
        head: isInvite ? keepAnswerHead(index) : index,
        source: flow.remote,
        timestamp: index.header('Timestamp'),
        ackPrefix: isInvite ? detached(ackKeyPrefix(index)) : '',
      },
    });
    this.#byKey.set(identity.key, machine);
    if (merge !== null) this.#merges.add(merge);
    this.#table.add(machine);
    machine.start();
    this.#table.emit({
      kind: 'requestReceived',
      txn: serverTxnId(identity.serial),
      flow,
      request,
    });
  }

  #receiveAck(flow: Flow, index: MessageIndex): void {
    const byBranch = this.#byKey.get(serverKey(index, 'INVITE'));
    if (byBranch?.kind === 'inviteServer' && byBranch.handleFailureAck()) return;
    const accepted = this.#byAckKey.get(ackKey(ackKeyPrefix(index), index.toTag ?? ''));
    if (accepted === undefined) {
      // The ACK of an answer that we sent without remembering it.
      if (index.toTag === this.#statelessTag(serverKey(index, 'INVITE'))) return;
      const message = `ACK with CSeq ${index.cseq.number} matches no INVITE`;
      this.refuse(flow, { index, error: { code: 'DIALOG_UNKNOWN', message } });
      return;
    }
    if (!accepted.awaitsAck) return;
    const parsed = parseMessage(index);
    if (!parsed.ok) {
      this.refuse(flow, { index, error: parsed.error });
      return;
    }
    if (parsed.value.kind !== 'request') return;
    this.#table.emit({
      kind: 'ackReceived',
      txn: serverTxnId(accepted.serial),
      flow,
      request: parsed.value,
    });
  }

  /**
   * A CANCEL is answered without a transaction of its own: the answer depends on the INVITE alone,
   * so a repeated CANCEL gets it again (§9.2). It is sent by the hop that sent the INVITE, to the
   * same place (§9.1); whoever else has read that INVITE must not end the call.
   */
  #receiveCancel(flow: Flow, index: MessageIndex): void {
    const invite = this.#byKey.get(serverKey(index, 'INVITE'));
    const record = invite === undefined ? undefined : this.#records.get(invite.serial);
    if (invite?.kind !== 'inviteServer' || record?.sourceHost !== flow.remote.host) {
      const message = `CANCEL with CSeq ${index.cseq.number} matches no INVITE`;
      this.refuse(flow, { index, error: { code: 'DIALOG_UNKNOWN', message } });
      return;
    }
    const toTag = record.localTag;
    this.#answerStateless(flow, index, { status: 200, reason: null, headers: [], toTag });
    if (!invite.handleCancel()) return;
    const reasons = index.headerLines('Reason').join(', ');
    const reason = reasons === '' ? null : reasons;
    this.#table.emit({ kind: 'cancelled', txn: serverTxnId(invite.serial), reason });
  }

  #overloaded(): CodedError {
    return {
      code: 'TRANSACTION_LIMIT_REACHED',
      message: `${this.#table.size} transactions are alive`,
      retryAfterS: 1 + Math.floor(this.#random.draw() * RETRY_AFTER_S_MAX),
    };
  }

  #answerStateless(
    flow: Flow,
    index: MessageIndex,
    answer: {
      status: number;
      reason: string | null;
      headers: HeaderLines;
      toTag?: string | null;
    },
  ): void {
    const { status, reason, headers } = answer;
    const toTag = answer.toTag ?? this.#statelessTag(serverKey(index, index.method));
    const bytes = writeResponse(index, { status, reason, toTag, headers, body: null }, flow.remote);
    this.#table.emit({ kind: 'send', to: replyFlow(flow, index.topVia), bytes, txn: null });
  }

  /**
   * The same request gets the same tag without our remembering it (RFC 3261 §8.2.7), and nobody can
   * guess it.
   * @param key of the request's transaction: a failure's ACK has the same one.
   */
  #statelessTag(key: string): string {
    return createHash('sha256')
      .update(`${this.#tagSecret}\n${key}`)
      .digest('hex')
      .slice(0, STATELESS_TAG_HEX);
  }
}
