// A program that relays media, as the relay suite sees it: ours or a peer.
import type { RelayTimes } from '../../src/engine/index.ts';
import type { Cores } from '../machine/cores.ts';

export interface MediaPoint {
  readonly host: string;
  readonly port: number;
  /** Network namespace in which the load tool opens it; absent for its own. */
  readonly network?: string;
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

export type Spoken = 'PCMU' | 'PCMA' | 'G722' | 'opus';

/** What an end says and wants to hear, and the master key and salt that it sends under; null = plain RTP. */
export interface EndMedia {
  readonly codec: Spoken;
  readonly key: Buffer | null;
  /** How our Opus encoder works towards it; as the B2BUA has it for a narrowband call when left out. Peers know their own way only. */
  readonly opus?: OpusEffort;
}

export interface OpusEffort {
  readonly rateKhz: 8 | 16 | 48;
  readonly complexity: number;
}

export interface CallMedia {
  readonly a: EndMedia;
  readonly b: EndMedia;
}

/** RTP payload types as SDP of this bench has them. */
export const PAYLOAD_TYPES: Readonly<Record<Spoken, number>> = {
  PCMU: 0,
  PCMA: 8,
  G722: 9,
  opus: 111,
};

const PLAIN: EndMedia = { codec: 'PCMU', key: null };
/** PCMU both ways. */
export const RELAYED: CallMedia = { a: PLAIN, b: PLAIN };

/** A running program. */
export interface MediaProgram {
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** Opens calls that carry this both ways, PCMU when left out; the answer has the order of the question. */
  openCalls(ends: readonly CallEnds[], media?: CallMedia): Promise<readonly CallPorts[]>;
  /** Packets that the kernel forwarded in this program's place; absent where it doesn't say. */
  readonly packetsInKernel?: () => number;
  /** How long packets have taken through it, by its own account; null when it keeps none. */
  relayTimes(): RelayTimes | null;
  close(): Promise<void>;
}

/** A kind of program. */
export interface MediaPeer {
  readonly name: string;
  /** Starts it fresh on its core, with room for this many calls. */
  start(options: { readonly cores: Cores; readonly calls: number }): Promise<MediaProgram>;
}

/** Where a program runs and listens, when not at its own loopback address. */
export interface RelayPlace {
  /** Network namespace of the program. */
  readonly network: string;
  /** Address towards the A ends, and towards the B ends. */
  readonly forA: string;
  readonly forB: string;
  /** Address that the bench reaches the program's control port at. */
  readonly control: string;
}

/** A command that runs in a network namespace, in the same process from its first instruction on. */
export function inNetwork(network: string | null, command: readonly string[]): readonly string[] {
  return network === null ? command : ['nsenter', `--net=/run/netns/${network}`, ...command];
}
