// One stream under SIP, whoever opened it: frames what comes in, bounds what goes out, and closes on its deadlines.
// The socket may as well be a TLS one; nothing here knows the difference.
import type { Socket } from 'node:net';
import type { ClientTxnId, CodedError, Flow } from '../base/index.ts';
import { StreamFramer } from '../sip/index.ts';
import type { Tally } from './tally.ts';
import type { RefusedReason, TransportLimits } from './types.ts';

const CRLF = Buffer.from('\r\n');
/** After a broken stream: time for the last answer to leave before the connection is cut. */
const FAREWELL_MS = 1_000;
/** A peer that vanished without a word is noticed by the kernel's probes. */
const TCP_KEEP_ALIVE_MS = 60_000;

export interface StreamContext {
  readonly flow: Flow;
  readonly limits: TransportLimits;
  readonly tally: Tally;
  onMessage(flow: Flow, bytes: Buffer): void;
  onSendFailed(txn: ClientTxnId): void;
  onBroken(flow: Flow, error: CodedError, head: Buffer | null): void;
  /** Exactly once, when the socket is gone. */
  onClosed(connection: StreamConnection): void;
  onRefused(reason: RefusedReason, flow: Flow): void;
}

/**
 * Owns its socket until `onClosed`. Has no timer of its own: the table calls `expire` every so often, which costs
 * less than re-arming timers at every message.
 *
 *   connecting -> open -> farewell (broken, or we are closing: reads are thrown away) -> closed
 */
export class StreamConnection {
  readonly flow: Flow;
  readonly #socket: Socket;
  readonly #context: StreamContext;
  readonly #framer: StreamFramer;
  #connectBy: number | null;
  /**
   * When the first byte of a message that isn't whole yet came. A peer that opened the connection owes one from the
   * start: else silent connections would fill the table until they count as idle.
   */
  #unfinishedSince: number | null;
  #activeAt: number;
  /** When anything was last heard, or the connection made. */
  #heardAt: number;
  /**
   * When the first request went out since anything was heard; null while none did. A path that swallows everything, as a
   * firewall that has forgotten the connection, looks alive for a quarter of an hour: the kernel takes what we write, and
   * probes only what is silent.
   */
  #askedAt: number | null = null;
  #writesPending = 0;
  /** When a write last completed, or the first pending one began; null while none is pending. */
  #writeStalledSince: number | null = null;
  #farewellBy: number | null = null;
  #closed = false;

  constructor(socket: Socket, context: StreamContext) {
    this.#socket = socket;
    this.#context = context;
    this.flow = context.flow;
    this.#framer = new StreamFramer({ messageBytesMax: context.limits.messageBytesMax });
    const now = performance.now();
    this.#activeAt = now;
    this.#heardAt = now;
    this.#unfinishedSince = socket.connecting ? null : now;
    this.#connectBy = socket.connecting ? now + context.limits.connectTimeoutMs : null;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.once('connect', () => {
      this.#connectBy = null;
    });
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    // 'close' always follows; the failed writes report themselves.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#gone());
  }

  /** True while a message handed to `send` has a chance. */
  get usable(): boolean {
    return !this.#closed && !this.#socket.destroyed && this.#farewellBy === null;
  }

  /** When anything was last heard, or the connection made; on the clock of `expire`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Closes at once to make room for another connection. */
  giveWay(): void {
    this.#refuse('connectionsMax');
  }

  /** Queues a message; `onSendFailed` tells when it didn't leave. Closes a peer that lets too much pile up. */
  send(bytes: Buffer, txn: ClientTxnId | null): void {
    if (this.#closed) {
      this.#failed(txn);
      return;
    }
    if (this.#socket.writableLength + bytes.length > this.#context.limits.unsentBytesMax) {
      this.#failed(txn);
      this.#refuse('unsentBytesMax');
      return;
    }
    this.#context.tally.sent(bytes);
    if (txn !== null && !isAck(bytes)) this.#askedAt ??= performance.now();
    this.#write(bytes, txn);
  }

  /** Closes when a deadline has passed: connect, unfinished message, stalled write, missing answer, idleness, farewell. */
  expire(now: number): void {
    const { messageTimeoutMs, writeTimeoutMs, answerTimeoutMs, idleTimeoutMs } =
      this.#context.limits;
    if (this.#farewellBy !== null) {
      if (now >= this.#farewellBy) this.#socket.destroy();
    } else if (this.#connectBy !== null) {
      if (now >= this.#connectBy) this.#socket.destroy();
    } else if (this.#unfinishedSince !== null && now - this.#unfinishedSince >= messageTimeoutMs) {
      this.#refuse('messageTimeout');
    } else if (
      this.#writeStalledSince !== null &&
      now - this.#writeStalledSince >= writeTimeoutMs
    ) {
      this.#refuse('writeTimeout');
    } else if (this.#askedAt !== null && now - this.#askedAt >= answerTimeoutMs) {
      this.#refuse('answerTimeout');
    } else if (now - this.#activeAt >= idleTimeoutMs) {
      this.#refuse('idleTimeout');
    }
  }

  /** Lets what is written out, then ends; at the latest after a moment. Nothing more is read. */
  farewell(): void {
    if (!this.usable) return;
    if (this.#connectBy !== null) {
      this.#socket.destroy();
      return;
    }
    this.#farewellBy = performance.now() + FAREWELL_MS;
    this.#socket.end();
  }

  #received(chunk: Buffer): void {
    // Bytes after a break are read and thrown away: leaving them unread would make the kernel send a reset, which
    // overtakes our last answer.
    if (!this.usable) return;
    const now = performance.now();
    this.#activeAt = now;
    this.#heardAt = now;
    this.#askedAt = null;
    let progressed = false;
    for (const output of this.#framer.push(chunk)) {
      switch (output.kind) {
        case 'message':
          progressed = true;
          this.#context.tally.received(output.bytes);
          this.#context.onMessage(this.flow, output.bytes);
          break;
        case 'keepAlive':
          progressed = true;
          this.#context.tally.keepAlivesReceived += 1;
          if (this.#socket.writableLength <= this.#context.limits.unsentBytesMax)
            this.#write(CRLF, null);
          break;
        case 'broken':
          this.#context.tally.refused.streamBroken += 1;
          this.#context.onRefused('streamBroken', this.flow);
          this.#context.onBroken(this.flow, output.error, output.head);
          this.farewell();
          return;
      }
      if (this.#socket.destroyed || this.#farewellBy !== null) return;
    }
    if (!this.#framer.isMidMessage)
      this.#unfinishedSince = progressed ? null : this.#unfinishedSince;
    else if (progressed) this.#unfinishedSince = now;
    else this.#unfinishedSince ??= now;
  }

  #write(bytes: Buffer, txn: ClientTxnId | null): void {
    if (this.#writesPending === 0) this.#writeStalledSince = performance.now();
    this.#writesPending += 1;
    this.#socket.write(bytes, (error) => {
      const now = performance.now();
      this.#writesPending -= 1;
      this.#writeStalledSince = this.#writesPending > 0 ? now : null;
      // Node reports a write that was under way when the socket was destroyed as done.
      if ((error ?? null) !== null || this.#socket.destroyed) this.#failed(txn);
      else this.#activeAt = now;
    });
  }

  /** Told on the next tick, so that nobody is called from inside `send`. */
  #failed(txn: ClientTxnId | null): void {
    this.#context.tally.sendFailures += 1;
    if (txn !== null) process.nextTick(() => this.#context.onSendFailed(txn));
  }

  #refuse(reason: RefusedReason): void {
    if (this.#socket.destroyed) return;
    this.#context.tally.refused[reason] += 1;
    this.#context.onRefused(reason, this.flow);
    this.#socket.destroy();
  }

  #gone(): void {
    this.#closed = true;
    this.#context.onClosed(this);
  }
}

/** The one request that nobody answers (RFC 3261 §17). */
function isAck(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'ACK ';
}
