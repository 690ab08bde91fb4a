// The whole transport: every listening point opened or none, and one `send` for all of them.
import {
  err,
  ok,
  type ClientTxnId,
  type CodedError,
  type Flow,
  type LocalPoint,
  type Result,
  type SendTarget,
} from '../base/index.ts';
import { AddressBook, fewAtOnce, isV6Literal, systemLookUp } from './resolve.ts';
import { StreamTable } from './stream-table.ts';
import { Tally } from './tally.ts';
import type { SipTransport, SipTransportOptions, TransportStats } from './types.ts';
import { openUdp, type UdpPoint } from './udp.ts';

/**
 * Half of Node's four threads for look-ups, so that gateways are found whatever names callers give. Whoever can't be looked up
 * is reached where it was met.
 */
const OTHER_NAMES = { atOnce: 2, waiting: 8 };

/**
 * Opens every listening point, or none.
 * @returns the transport, which the caller closes; ADDRESS_IN_USE naming the address when one can't be had;
 * CONFIG_INVALID for a transport that isn't spoken. Events may come before the promise is looked at.
 */
export async function openSipTransport(
  options: SipTransportOptions,
): Promise<Result<SipTransport, CodedError>> {
  const foreign = options.locals.find(
    ({ transport }) => transport !== 'udp' && transport !== 'tcp',
  );
  if (foreign !== undefined) {
    const message = `listen.sip: transport "${foreign.transport}" is not spoken, only udp and tcp`;
    return err({ code: 'CONFIG_INVALID', message });
  }
  const transport = new Transport(options);
  for (const local of options.locals) {
    const opened = await transport.open(local);
    if (!opened.ok) {
      await transport.close();
      return opened;
    }
  }
  return ok(transport);
}

class Transport implements SipTransport {
  readonly #options: SipTransportOptions;
  readonly #tally = new Tally();
  readonly #gatewayNames: AddressBook;
  /** Names that callers give: theirs must not take the place, or the resolver, of gateways. */
  readonly #otherNames: AddressBook;
  readonly #udp: UdpPoint[] = [];
  readonly #streams: StreamTable;
  readonly #locals: LocalPoint[] = [];
  readonly #warnings: string[] = [];
  #lastFlowId = 0;
  #closed = false;

  constructor(options: SipTransportOptions) {
    this.#options = options;
    const ttlMs = options.limits.resolveTtlMs;
    this.#gatewayNames = new AddressBook({ ttlMs });
    this.#otherNames = new AddressBook({ ttlMs, lookUp: fewAtOnce(systemLookUp, OTHER_NAMES) });
    this.#streams = new StreamTable({
      limits: options.limits,
      tally: this.#tally,
      isKnownSource: (host) => options.isKnownSource?.(host) === true,
      nextFlowId: () => this.#nextFlowId(),
      onMessage: this.#onMessage,
      onSendFailed: this.#onSendFailed,
      onBroken: (flow, error, head) => {
        if (!this.#closed) options.onBroken?.(flow, error, head);
      },
      onFlowClosed: (flow) => {
        if (!this.#closed) options.onFlowClosed?.(flow);
      },
      onRefused: (reason, remote) => {
        if (!this.#closed) options.onRefused?.(reason, remote);
      },
    });
  }

  get locals(): readonly LocalPoint[] {
    return this.#locals;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  async open(local: LocalPoint): Promise<Result<LocalPoint, CodedError>> {
    if (local.transport === 'tcp') {
      const listening = await this.#streams.listen(local);
      if (listening.ok) this.#locals.push(listening.value);
      return listening;
    }
    const opened = await openUdp({
      id: this.#nextFlowId(),
      local,
      limits: this.#options.limits,
      log: this.#options.log,
      tally: this.#tally,
      onMessage: this.#onMessage,
      onSendFailed: this.#onSendFailed,
    });
    if (!opened.ok) return opened;
    this.#udp.push(opened.value);
    this.#locals.push(opened.value.local);
    if (opened.value.warning !== null) this.#warnings.push(opened.value.warning);
    return ok(opened.value.local);
  }

  send(to: Flow | SendTarget, bytes: Buffer, txn: ClientTxnId | null): void {
    if (this.#closed) return;
    if (!('id' in to)) this.#sendToTarget(to, bytes, txn);
    else if (to.transport === 'udp') this.#sendToUdpFlow(to, bytes, txn);
    else this.#streams.sendOn(to.id, bytes, txn);
  }

  stats(): TransportStats {
    return this.#tally.snapshot(this.#streams.inbound, this.#streams.outbound);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#streams.close(), ...this.#udp.map((point) => point.close())]);
  }

  readonly #onMessage = (flow: Flow, bytes: Buffer): void => {
    if (!this.#closed) this.#options.onMessage(flow, bytes);
  };

  readonly #onSendFailed = (txn: ClientTxnId): void => {
    if (!this.#closed) this.#options.onSendFailed(txn);
  };

  #nextFlowId(): number {
    this.#lastFlowId += 1;
    return this.#lastFlowId;
  }

  #sendToUdpFlow(flow: Flow, bytes: Buffer, txn: ClientTxnId | null): void {
    const point = this.#udp.find(({ id }) => id === flow.id);
    if (point === undefined) this.#failed(txn);
    else point.send(flow.remote.host, flow.remote.port, bytes, txn);
  }

  #sendToTarget(target: SendTarget, bytes: Buffer, txn: ClientTxnId | null): void {
    // A target is an object of its own for each transaction, see SipOutput `send`.
    const isGateway = this.#options.isGatewayHost?.(target.host) === true;
    const book = isGateway ? this.#gatewayNames : this.#otherNames;
    book.findFor(target, target.host, (addresses) => {
      if (this.#closed) return;
      // IPv4 first: the SIP core chose the Via for a name that way. A family we don't listen on is no use.
      const sent =
        addresses.some(
          (host) => !isV6Literal(host) && this.#sendToHost(host, target, bytes, txn),
        ) ||
        addresses.some((host) => isV6Literal(host) && this.#sendToHost(host, target, bytes, txn));
      if (!sent) this.#failed(txn);
    });
  }

  /** @returns false when we don't listen on that transport in that family. */
  #sendToHost(
    host: string,
    { transport, port }: SendTarget,
    bytes: Buffer,
    txn: ClientTxnId | null,
  ): boolean {
    const v6 = isV6Literal(host);
    if (transport === 'udp') {
      const point = this.#udp.find(({ ipv6 }) => ipv6 === v6);
      point?.send(host, port, bytes, txn);
      return point !== undefined;
    }
    if (transport !== 'tcp' || !this.#hasTcp(v6)) return false;
    this.#streams.sendTo(host, port, bytes, txn);
    return true;
  }

  #hasTcp(ipv6: boolean): boolean {
    return this.#locals.some(
      ({ transport, bind }) => transport === 'tcp' && isV6Literal(bind.host) === ipv6,
    );
  }

  /** Told on the next tick, so that nobody is called from inside `send`. */
  #failed(txn: ClientTxnId | null): void {
    this.#tally.sendFailures += 1;
    if (txn !== null) process.nextTick(() => this.#onSendFailed(txn));
  }
}
