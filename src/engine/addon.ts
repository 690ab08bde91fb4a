// Loads the native addon and states its shape. The only file that does; everything else in this room
// goes through these types. What the functions promise stands in native/binding.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { CONTRACT_HASH } from './contract.gen.ts';

/** What the addon answers when a sound program meets an obstacle. */
export interface AddonRefusal {
  readonly code:
    | 'CONFIG_INVALID'
    | 'ADDRESS_INVALID'
    | 'REGION_INVALID'
    | 'REGION_EXISTS'
    | 'SYSTEM_CALL_FAILED';
  readonly message: string;
}

export interface AddonAddress {
  readonly family: 4 | 6;
  /** 16 bytes; IPv4 in the first four. */
  readonly bytes: Uint8Array;
  readonly portMin: number;
  readonly portMax: number;
}

export interface AddonHostConfig {
  readonly region: string;
  readonly runDir: string;
  /** Empty = none. */
  readonly mediaFolder: string;
  readonly threads: number;
  readonly endpointsMax: number;
  readonly portRestMs: number;
  readonly orderRingRecords: number;
  readonly eventRingRecords: number;
  /** Instruction set of the kernels; any other text, or none, for the best there is. */
  readonly isa?: string;
  readonly conferenceParticipantsMax: number;
  readonly addresses: readonly AddonAddress[];
  readonly kernelPath: boolean;
}

export interface AddonHost {
  close(): void;
}

export interface AddonStarted {
  readonly code: 'OK';
  readonly host: AddonHost;
  /** A sentence; empty when streams are forwarded inside the kernel, or none was asked for. */
  readonly kernelPathObstacle: string;
}

export interface AddonClient {
  /** Whole order records; the number taken is all of them or 0. Throws a TypeError for anything but bytes. */
  submit(records: Uint8Array): number;
  /** Bytes written; 0 also asks for the next wake-up. */
  drain(into: Uint8Array): number;
  close(): void;
}

export interface AddonAttachment {
  readonly code: 'OK';
  readonly client: AddonClient;
  readonly threads: number;
  readonly slotsPerThread: number;
  /** float64 slots as contract.gen.ts describes; stays readable after close(). */
  readonly statistics: ArrayBuffer;
}

export interface Addon {
  /** Of the contract it was built from. */
  readonly contractHash: number;
  start(config: AddonHostConfig): AddonStarted | AddonRefusal;
  /** @param onWake `false`: drain until it gives 0. `true`: the host is gone; called once and last. */
  attach(
    region: { readonly region: string; readonly runDir: string },
    onWake: (lost: boolean) => void,
  ): AddonAttachment | AddonRefusal;
  /** Why no stream can be forwarded inside the kernel here, a sentence; empty when they can. */
  kernelPathObstacle(): string;
}

/**
 * Loads the addon once per process and path (Node's own module cache).
 * @param path a .node file to load instead of the built or prebuilt one (sanitizer builds).
 * @throws when there is none for this machine, it isn't ours, or it was built from another contract and would misread
 *         every record: the installation is broken.
 */
export function loadAddon(path: string | null): Addon {
  const require = createRequire(import.meta.url);
  const loaded: unknown = path === null ? loadBuilt(require) : require(path);
  const name = path ?? 'the built addon';
  if (!isAddon(loaded)) throw new Error(`${name} is not Trunkyard’s addon`);
  if (loaded.contractHash !== CONTRACT_HASH)
    throw new Error(`${name} is of another build than this program; run npm run build`);
  return loaded;
}

function loadBuilt(require: NodeJS.Require): unknown {
  const load = require('node-gyp-build') as (packageFolder: string) => unknown;
  // This file lies two folders below the package, as source and compiled.
  return load(fileURLToPath(new URL('../..', import.meta.url)));
}

/** An addon from before the hash was exported is one of ours too, of another build. */
function isAddon(value: unknown): value is Addon {
  return (
    typeof value === 'object' &&
    value !== null &&
    'start' in value &&
    typeof value.start === 'function' &&
    'attach' in value &&
    typeof value.attach === 'function'
  );
}
