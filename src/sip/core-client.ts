// The client side of the SIP core: opens client transactions, matches responses to them, sends ACK
// and CANCEL. RFC 3261 §8.1, §9.1, §13.2.2.4, §17.1.
import type {
  ClientTxnId,
  CodedError,
  Flow,
  LocalPoint,
  Random,
  Result,
  SendTarget,
} from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import { branchOfKey, clientKey, localPointFor, newBranch, viaText } from './core-routing.ts';
import type { TransactionTable } from './core-table.ts';
import { parseMessage, writeRequest } from './message/index.ts';
import type { MessageIndex } from './message/index.ts';
import { cancelOf, failureAck, inviteFacts } from './transaction/derived-requests.ts';
import { InviteClient } from './transaction/invite-client.ts';
import type { InviteClientHost, SuccessAck } from './transaction/invite-client.ts';
import { NonInviteClient } from './transaction/non-invite-client.ts';
import type { EndReason, TimerSlot, Timings, TransactionHost } from './transaction/transaction.ts';
import type { HeaderLines, OutgoingRequest, SipResponse } from './types.ts';

type ClientTransaction = InviteClient | NonInviteClient;

/** The part of a `request` or `acknowledge` input that says what goes where. */
interface Outgoing {
  readonly target: SendTarget;
  readonly request: OutgoingRequest;
}

export class ClientSide implements InviteClientHost, TransactionHost<NonInviteClient> {
  readonly #table: TransactionTable;
  readonly #random: Random;
  readonly #locals: readonly LocalPoint[];
  readonly #byKey = new Map<string, ClientTransaction>();
  readonly #byUser = new Map<ClientTxnId, ClientTransaction>();

  constructor(options: { table: TransactionTable; random: Random; locals: readonly LocalPoint[] }) {
    this.#table = options.table;
    this.#random = options.random;
    this.#locals = options.locals;
  }

  get timings(): Timings {
    return this.#table.timings;
  }

  /** Opens a client transaction. Fails upwards when no local point fits or the table is full. */
  open(user: ClientTxnId, { target, request }: Outgoing): void {
    if (request.method === 'ACK' || request.method === 'CANCEL') {
      throw new Error(`${request.method} opens no client transaction`);
    }
    if (this.#byUser.has(user)) throw new Error(`client transaction ${user} exists already`);
    const local = localPointFor(this.#locals, target);
    if (local === null || !this.#table.hasRoom({ inDialog: true })) {
      this.#table.emit({ kind: 'requestFailed', txn: user, why: 'transport' });
      return;
    }
    const branch = newBranch(this.#random);
    const via = viaText(local, branch);
    const bytes = writeRequest(request, via);
    const identity = {
      serial: this.#table.nextSerial(),
      // A copy: what the transport learns of the way to it holds for this transaction and no other.
      to: { ...target },
      key: clientKey(branch, request.method),
    };
    const txn =
      request.method === 'INVITE'
        ? new InviteClient(identity, { user, facts: inviteFacts(request, via), host: this })
        : new NonInviteClient(identity, { user, host: this });
    this.#byUser.set(user, txn);
    this.#add(txn);
    txn.start(bytes);
  }

  /**
   * Sends the ACK of a 2xx and keeps it for repeats of that 2xx. When the transaction is gone
   * (64*T1 after the first 2xx) the ACK is sent once all the same: a late answer to a late offer is
   * better than none.
   */
  acknowledge(
    user: ClientTxnId,
    toTag: string,
    { target, request, orElse = null }: Outgoing & { readonly orElse?: SendTarget | null },
  ): void {
    const ack = this.#ackTo(target, request);
    if (ack === null) return;
    const txn = this.#byUser.get(user);
    if (txn?.kind === 'inviteClient') {
      txn.acknowledgeSuccess(toTag, ack, orElse === null ? null : this.#ackTo(orElse, request));
    } else this.transmitAck(user, ack);
  }

  #ackTo(target: SendTarget, request: OutgoingRequest): SuccessAck | null {
    const local = localPointFor(this.#locals, target);
    if (local === null) return null;
    const via = viaText(local, newBranch(this.#random));
    // A copy, as for a transaction: the target may be the configuration's own, and what a name led to would hold for ever.
    return { target: { ...target }, bytes: writeRequest(request, via) };
  }

  /**
   * Cancels an INVITE, now or at its first provisional. Without effect after its final response.
   */
  cancel(user: ClientTxnId, headers: HeaderLines): void {
    const txn = this.#byUser.get(user);
    if (txn?.kind !== 'inviteClient') return;
    txn.cancel(headers);
    this.#sendCancelIfDue(txn);
  }

  handleSendFailed(user: ClientTxnId): void {
    this.#byUser.get(user)?.handleSendFailed();
  }

  /**
   * Takes a response that passed the guard.
   * @returns why it was dropped; responses are never answered.
   */
  receive(flow: Flow, index: MessageIndex): Result<null, CodedError> {
    const { startLine, topVia, cseq } = index;
    // Our branches hold 96 random bits, so a match also proves that sent-by was ours (§18.1.2).
    const key = topVia.branch === null ? null : clientKey(topVia.branch, cseq.method);
    const txn = key === null ? undefined : this.#byKey.get(key);
    if (txn === undefined || startLine.kind !== 'response') {
      return err({
        code: 'DIALOG_UNKNOWN',
        message: `response to ${cseq.method} matches no transaction`,
      });
    }
    const { status } = startLine;
    if (!txn.wants(status, index.toTag)) {
      txn.receive(status, index.toTag);
      if (txn.kind === 'inviteClient') this.#sendCancelIfDue(txn);
      return ok(null);
    }
    // Read whole before the machine moves: a response we can't read must not end the transaction.
    const response = readResponse(index);
    if (!response.ok) return response;
    if (txn.kind === 'inviteClient')
      this.#receiveToInvite(txn, { flow, index, response: response.value });
    else this.#receiveToOther(txn, { flow, response: response.value });
    return ok(null);
  }

  transmit(txn: ClientTransaction, bytes: Buffer): void {
    this.#table.emit({ kind: 'send', to: txn.to, bytes, txn: txn.user });
  }

  transmitAck(user: ClientTxnId, { target, bytes }: SuccessAck): void {
    this.#table.emit({ kind: 'send', to: target, bytes, txn: user });
  }

  arm(txn: ClientTransaction, slot: TimerSlot, delayMs: number): void {
    this.#table.arm(txn, slot, delayMs);
  }

  disarm(txn: ClientTransaction, slot: TimerSlot): void {
    this.#table.disarm(txn, slot);
  }

  ended(txn: ClientTransaction, why: EndReason): void {
    this.#table.remove(txn);
    this.#byKey.delete(txn.key);
    if (txn.user === null) return;
    this.#byUser.delete(txn.user);
    if (why === 'timeout' || why === 'transport') {
      this.#table.emit({ kind: 'requestFailed', txn: txn.user, why });
    }
  }

  #receiveToInvite(
    txn: InviteClient,
    { flow, index, response }: { flow: Flow; index: MessageIndex; response: SipResponse },
  ): void {
    const { facts } = txn;
    const verdict = txn.receive(response.status, index.toTag);
    if (verdict === 'acknowledge' && facts !== null) {
      txn.acknowledgeFailure(writeRequest(failureAck(facts, index.toText), facts.via));
    }
    if (verdict !== 'absorb') {
      this.#table.emit({ kind: 'responseReceived', txn: txn.user, flow, response });
    }
    this.#sendCancelIfDue(txn);
  }

  #receiveToOther(
    txn: NonInviteClient,
    { flow, response }: { flow: Flow; response: SipResponse },
  ): void {
    const isForUser = txn.receive(response.status);
    if (isForUser && txn.user !== null) {
      this.#table.emit({ kind: 'responseReceived', txn: txn.user, flow, response });
    }
  }

  #sendCancelIfDue(invite: InviteClient): void {
    const headers = invite.takeCancel();
    const { facts } = invite;
    if (headers === null || facts === null) return;
    // Taken even when the table is full: there is at most one CANCEL for each INVITE in it.
    const identity = {
      serial: this.#table.nextSerial(),
      to: invite.to,
      key: clientKey(branchOfKey(invite.key), 'CANCEL'),
    };
    const txn = new NonInviteClient(identity, { user: null, host: this });
    this.#add(txn);
    txn.start(writeRequest(cancelOf(facts, headers), facts.via));
  }

  #add(txn: ClientTransaction): void {
    this.#byKey.set(txn.key, txn);
    this.#table.add(txn);
  }
}

/**
 * Reads a response whole; one with a second Via was meant for somebody else (RFC 3261 §8.1.3.3).
 */
function readResponse(index: MessageIndex): Result<SipResponse, CodedError> {
  const message = parseMessage(index);
  if (!message.ok) return message;
  if (message.value.kind !== 'response' || message.value.vias.length !== 1) {
    const count = message.value.vias.length;
    return err({ code: 'MESSAGE_MALFORMED', message: `response with ${count} Via values, not 1` });
  }
  return ok(message.value);
}
