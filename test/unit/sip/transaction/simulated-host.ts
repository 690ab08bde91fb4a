// A host for one transaction machine: two timers on a simulated clock and a log of everything
// ordered, each line "<ms> <what>". Tests assert the log exactly.
import type { ClientTxnId } from '../../../../src/base/index.ts';
import type { SuccessAck } from '../../../../src/sip/transaction/invite-client.ts';
import { RFC_TIMINGS } from '../../../../src/sip/transaction/transaction.ts';
import type {
  EndReason,
  TimerSlot,
  TransactionIdentity,
} from '../../../../src/sip/transaction/transaction.ts';

export function identityOn(transport: 'udp' | 'tcp'): TransactionIdentity {
  return { serial: 1, to: { transport, host: '192.0.2.1', port: 5060 }, key: 'z9hG4bK1 INVITE' };
}

export class SimulatedHost {
  readonly timings = RFC_TIMINGS;
  readonly log: string[] = [];
  nowMs = 0;
  readonly #due = new Map<TimerSlot, number>();

  transmit(_txn: unknown, bytes: Buffer): void {
    this.log.push(`${this.nowMs} send ${bytes.toString()}`);
  }

  transmitAck(_user: ClientTxnId, ack: SuccessAck): void {
    this.log.push(`${this.nowMs} send ${ack.bytes.toString()} to ${ack.target.host}`);
  }

  answerTrying(): void {
    this.log.push(`${this.nowMs} 100 is due`);
  }

  arm(_txn: unknown, slot: TimerSlot, delayMs: number): void {
    this.#due.set(slot, this.nowMs + delayMs);
  }

  disarm(_txn: unknown, slot: TimerSlot): void {
    this.#due.delete(slot);
  }

  ended(_txn: unknown, why: EndReason): void {
    this.#due.clear();
    this.log.push(`${this.nowMs} ended ${why}`);
  }

  /** Whether any timer runs: a machine that ended must leave none. */
  get isIdle(): boolean {
    return this.#due.size === 0;
  }

  /** Lets the time run to `untilMs`, firing timers in order. */
  runUntil(txn: { handleTimer(slot: TimerSlot): void }, untilMs: number): void {
    for (;;) {
      const next = [...this.#due].sort(([, a], [, b]) => a - b)[0];
      if (next === undefined || next[1] > untilMs) break;
      const [slot, dueMs] = next;
      this.nowMs = dueMs;
      this.#due.delete(slot);
      txn.handleTimer(slot);
    }
    this.nowMs = untilMs;
  }

  /** The log since the last call. */
  take(): string[] {
    return this.log.splice(0);
  }
}
