// Which program runs on which core: what is measured on one, what drives it on the other, so that neither slows the other.
import { execFileSync } from 'node:child_process';
import { allowedCpus } from './facts.ts';

export interface Cores {
  readonly program: number;
  /** The load, SIPp, and the bench itself. */
  readonly load: number;
}

/** The first two CPUs there are; the same one twice where there is only one, and then no run is valid. */
export function chooseCores(): Cores {
  const [program = 0, load = program] = allowedCpus();
  return { program, load };
}

/** Why these cores can't give figures; null when they can. */
export function coresReason({ program, load }: Cores): string | null {
  return program === load
    ? 'there is one CPU only: the load would compete with what it drives'
    : null;
}

/** A command that runs on one core from its first instruction on. */
export function onCore(core: number, command: readonly string[]): readonly [string, ...string[]] {
  return ['taskset', '-c', String(core), ...command];
}

/** The same for a load, before everybody else where we may say so: a load that comes late measures itself. */
export function firstOnCore(
  core: number,
  command: readonly string[],
): readonly [string, ...string[]] {
  const mayGoFirst = process.getuid?.() === 0;
  return onCore(core, mayGoFirst ? ['chrt', '--fifo', '1', ...command] : command);
}

/** Moves this process, all its threads, to a core. */
export function moveTo(core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)], {
    stdio: 'ignore',
  });
}
