// What the supervisor and its children say to each other. Children obey these words only: a signal that a terminal or an init
// system sends to the whole group must not reach them past the supervisor.
import type { Settings } from '../config/index.ts';
import { INSTRUCTION_SETS } from '../engine/index.ts';
import type { HostConfig, InstructionSet } from '../engine/index.ts';

/** Where the media process can be found. */
export interface MediaPlace {
  /** Name of the shared memory region. */
  readonly region: string;
  /** Directory of mode 0700 with the wake-up pipes. */
  readonly runDir: string;
}

/** To the media process. */
export type ToMedia =
  { readonly kind: 'start'; readonly host: HostConfig } | { readonly kind: 'stop' };

/** To the control process. */
export type ToControl =
  | {
      readonly kind: 'start';
      /** As last applied: a control process that is started again must not trip over a file that is being edited. */
      readonly settings: Settings;
      /** The file of these settings, as findings show it. */
      readonly file: string;
      /** What a reload reads: the value of `--config`. */
      readonly configPath: string | null;
      readonly media: MediaPlace;
    }
  /** The media process was started again. */
  | { readonly kind: 'media'; readonly media: MediaPlace }
  | { readonly kind: 'reload' }
  /** Drain and stop; `now` ends the calls at once. */
  | { readonly kind: 'stop'; readonly now: boolean };

/** From either child to the supervisor. */
export type FromChild =
  /** It does its work; the lines are for the operator. */
  | { readonly kind: 'ready'; readonly lines: readonly string[] }
  /** It can't, and ends by itself. */
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string }
  /** From control: a reload was applied, and these settings hold now. */
  | { readonly kind: 'applied'; readonly settings: Settings }
  /** From control: the media process of this region takes no orders, so only its end can help if it lives. */
  | { readonly kind: 'mediaStuck'; readonly region: string }
  /** From control: an operator asked for the end of the node, by way of a drain. */
  | { readonly kind: 'stopWanted' };

/** Exit status for a wrong configuration (sysexits EX_CONFIG). */
export const EXIT_CONFIG = 78;

/**
 * Listens to the supervisor. Its end is ours: nobody would ever stop an orphan.
 * @param handle     is given what the supervisor sent, which is of our own making: ToMedia or ToControl.
 * @param onOrphaned tidies up before that end; must not wait for anything.
 */
export function onSupervisor(
  handle: (message: unknown) => void,
  onOrphaned: () => void = () => undefined,
): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  process.on('message', handle);
  process.on('disconnect', () => {
    onOrphaned();
    process.exit(1);
  });
}

/** A .node file to load instead of the installed addon, for sanitizer builds; null = the installed one. */
export function addonPath(): string | null {
  const path = process.env['MEDIA_ADDON_PATH'];
  return path === undefined || path === '' ? null : path;
}

/**
 * The instruction set that the engine is to keep to, to measure or to look for a fault with; undefined = all there is.
 * @throws with the value when it is none.
 */
export function instructionSet(): InstructionSet | undefined {
  const wanted = process.env['MEDIA_ISA'];
  if (wanted === undefined || wanted === '') return undefined;
  const known = INSTRUCTION_SETS.find((name) => name === wanted);
  if (known === undefined)
    throw new Error(`MEDIA_ISA is "${wanted}", not one of ${INSTRUCTION_SETS.join(', ')}`);
  return known;
}

/** Tells the supervisor; harmless when the channel is gone. */
export function tellSupervisor(message: FromChild): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** Tells the supervisor why this process can't go on, and ends it once that is told. */
export function failProcess(exitCode: number, message: string): void {
  const told: FromChild = { kind: 'failed', exitCode, message };
  if (process.send === undefined || !process.connected) process.exit(exitCode);
  process.send(told, undefined, undefined, () => process.exit(exitCode));
}
