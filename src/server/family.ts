// What the supervisor and its children say to each other. Children obey these words only: a signal that a terminal or an init
// system sends to the whole group must not reach them past the supervisor.
import type { HostConfig } from '../engine/index.ts';

/** Where the media process can be found. */
export interface MediaPlace {
  /** Name of the shared memory region. */
  readonly region: string;
  /** Directory of mode 0700 with the wake-up pipes. */
  readonly runDir: string;
}

export type ToMedia = { readonly kind: 'start'; readonly host: HostConfig } | { readonly kind: 'stop' };

export type ToControl =
  | { readonly kind: 'start'; readonly configPath: string | null; readonly media: MediaPlace }
  /** The media process was started again. */
  | { readonly kind: 'media'; readonly media: MediaPlace }
  | { readonly kind: 'reload' }
  /** Drain and stop; `now` ends the calls at once. */
  | { readonly kind: 'stop'; readonly now: boolean };

export type FromChild =
  | { readonly kind: 'ready'; readonly lines: readonly string[] }
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string };

/** Exit status for a wrong configuration (sysexits EX_CONFIG). */
export const EXIT_CONFIG = 78;

/** Listens to the supervisor; ends the process when it is gone, since nobody would ever stop an orphan. */
export function onSupervisor<Message>(handle: (message: Message) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('message', (message) => {
    handle(message as Message);
  });
  process.on('disconnect', () => {
    process.exit(1);
  });
}

/** A .node file to load instead of the installed addon, for sanitizer builds; null = the installed one. */
export function addonPath(): string | null {
  const path = process.env['MEDIA_ADDON_PATH'];
  return path === undefined || path === '' ? null : path;
}

/** Tells the supervisor; harmless when the channel is gone. */
export function tellSupervisor(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

/** Tells the supervisor why this process can't go on, and ends it once that is told. */
export function failProcess(exitCode: number, message: string): void {
  const told: FromChild = { kind: 'failed', exitCode, message };
  if (process.send === undefined || !process.connected) process.exit(exitCode);
  process.send(told, undefined, undefined, () => process.exit(exitCode));
}
