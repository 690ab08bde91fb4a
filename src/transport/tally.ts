// The transport's counters, shared by its listeners and connections.
import type { RefusedReason, TransportStats } from './types.ts';

/** Mutable twin of `TransportStats`. One per transport. */
export class Tally {
  messagesReceived = 0;
  bytesReceived = 0;
  messagesSent = 0;
  bytesSent = 0;
  keepAlivesReceived = 0;
  sendFailures = 0;
  sendsForbidden = 0;
  sendsTooLong = 0;
  socketErrors = 0;
  readonly refused: Record<RefusedReason, number> = {
    connectionsMax: 0,
    connectionsPerSourceMax: 0,
    messageTimeout: 0,
    idleTimeout: 0,
    writeTimeout: 0,
    answerTimeout: 0,
    unsentBytesMax: 0,
    streamBroken: 0,
  };

  received(bytes: Buffer): void {
    this.messagesReceived += 1;
    this.bytesReceived += bytes.length;
  }

  sent(bytes: Buffer): void {
    this.messagesSent += 1;
    this.bytesSent += bytes.length;
  }

  /** A datagram that the system would not send. */
  sendFailed(error: Error): void {
    this.sendFailures += 1;
    const code = 'code' in error ? error.code : null;
    if (code === 'EACCES' || code === 'EPERM') this.sendsForbidden += 1;
    else if (code === 'EMSGSIZE') this.sendsTooLong += 1;
  }

  snapshot(inbound: number, outbound: number): TransportStats {
    return {
      messagesReceived: this.messagesReceived,
      bytesReceived: this.bytesReceived,
      messagesSent: this.messagesSent,
      bytesSent: this.bytesSent,
      keepAlivesReceived: this.keepAlivesReceived,
      sendFailures: this.sendFailures,
      sendsForbidden: this.sendsForbidden,
      sendsTooLong: this.sendsTooLong,
      socketErrors: this.socketErrors,
      connectionsInbound: inbound,
      connectionsOutbound: outbound,
      refused: { ...this.refused },
    };
  }
}
