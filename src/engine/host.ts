// The media process's side: one call that takes all memory and starts the media threads.
import { err, ok } from '../base/index.ts';
import type { CodedError, Result } from '../base/index.ts';
import { loadAddon } from './addon.ts';
import type { AddonAddress } from './addon.ts';
import { parseAddress } from './address.ts';

/** Instruction sets that the engine's kernels know, each with all before it. */
export const INSTRUCTION_SETS = ['c', 'avx2', 'avx512'] as const;
export type InstructionSet = (typeof INSTRUCTION_SETS)[number];

export interface HostConfig {
  /** Unguessable name of the shared region: 1 to 64 letters, digits, '-', '_' or '.'. */
  readonly region: string;
  /** An existing directory of mode 0700, for the wake-up pipes. */
  readonly runDir: string;
  /** An existing directory of clips and recordings; without one, orders that need files are answered FILE_FAILED. */
  readonly mediaFolder?: string;
  /** Media threads, 1 to 64. */
  readonly threads: number;
  /** Endpoints of the node; each thread gets an equal share, at most 16,384. */
  readonly endpointsMax: number;
  /** Participants of the largest conference on one media thread, 2 to 1,024; memory is taken when one is opened. */
  readonly conferenceParticipantsMax?: number;
  /** IP literals of this machine with their ports, both ends included; an order names one by index. */
  readonly addresses: readonly {
    readonly bind: string;
    readonly portMin: number;
    readonly portMax: number;
  }[];
  /** How long a closed port stays unused, up to 600,000. */
  readonly portRestMs?: number;
  /** Orders that may wait, per media thread; a power of two from 16. No batch larger than this is ever taken. */
  readonly orderRingRecords?: number;
  /** Events that may wait, per media thread; a power of two from 16. */
  readonly eventRingRecords?: number;
  /** Whether plain streams are forwarded inside the kernel, where the machine lets this process; else by the sockets. */
  readonly kernelPath?: boolean;
  /** The most that codecs, mixer and ciphers may use of the processor; without, all that it has. Sounds the same. */
  readonly isa?: InstructionSet;
  /** A .node file to load instead of the installed addon; null = the installed one. */
  readonly addonPath?: string | null;
}

const DEFAULTS = {
  portRestMs: 2_000,
  orderRingRecords: 4_096,
  eventRingRecords: 4_096,
  kernelPath: false,
  mediaFolder: '',
  conferenceParticipantsMax: 1_000,
} as const;

export interface EngineHost {
  /** Why no stream is forwarded inside the kernel although that was asked for, a sentence; null when there is no reason. */
  readonly kernelPathObstacle: string | null;
  /** Closes every endpoint, joins the threads, removes the region. Attached clients see `engineLost`. Twice is fine. */
  close(): Promise<void>;
}

/**
 * Starts the media engine in this process. Who calls it must call close(); the process's end does the same.
 * @returns CONFIG_INVALID with the offending value: also for an address that isn't this machine's, a region that exists
 *          and memory that can't be had.
 * @throws TypeError for values of the wrong type, Error when there is no addon for this machine.
 */
export function startHost(config: HostConfig): Result<EngineHost, CodedError> {
  const addresses: AddonAddress[] = [];
  for (const { bind, portMin, portMax } of config.addresses) {
    const parsed = parseAddress(bind);
    if (parsed === null)
      return err({ code: 'CONFIG_INVALID', message: `media address ${bind} is not an IP literal` });
    addresses.push({ ...parsed, portMin, portMax });
  }
  const answer = loadAddon(config.addonPath ?? null).start({ ...DEFAULTS, ...config, addresses });
  if (answer.code !== 'OK') return err({ code: 'CONFIG_INVALID', message: answer.message });
  const { host, kernelPathObstacle } = answer;
  return ok({
    kernelPathObstacle: kernelPathObstacle === '' ? null : kernelPathObstacle,
    close: (): Promise<void> => {
      host.close();
      return Promise.resolve();
    },
  });
}

/**
 * Why streams can't be forwarded inside this machine's kernel by this process: a sentence; null when they can. Tries it for a
 * moment on the loopback.
 * @param path see HostConfig.addonPath.
 * @throws Error when there is no addon for this machine.
 */
export function kernelPathObstacle(path: string | null): string | null {
  const obstacle = loadAddon(path).kernelPathObstacle();
  return obstacle === '' ? null : obstacle;
}
