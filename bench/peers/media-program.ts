// A program that relays media, as the relay suite sees it: ours or a peer.
import type { Cores } from '../machine/cores.ts';

export interface MediaPoint {
  readonly host: string;
  readonly port: number;
}

/** The two far ends of a call, where they send from and receive. RTCP is at the port above. */
export interface CallEnds {
  readonly a: MediaPoint;
  readonly b: MediaPoint;
}

/** Where a program takes the media of a call: what end A sends to, and what end B sends to. */
export interface CallPorts {
  readonly forA: MediaPoint;
  readonly forB: MediaPoint;
}

/** A running program. */
export interface MediaProgram {
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** Opens calls that relay both ways; the answer has the order of the question. */
  openCalls(ends: readonly CallEnds[]): Promise<readonly CallPorts[]>;
  close(): Promise<void>;
}

/** A kind of program. */
export interface MediaPeer {
  readonly name: string;
  /** Starts it fresh on its core, with room for this many calls. */
  start(options: { readonly cores: Cores; readonly calls: number }): Promise<MediaProgram>;
}
