// The shape of every core: told the time and the input, answering with outputs.
import type { MonoMs } from './time.ts';

export interface Core<Input, Output> {
  /** Outputs in the order they must happen. The caller carries out all of them before the next call. */
  handle(now: MonoMs, input: Input): readonly Output[];
  handleDeadline(now: MonoMs): readonly Output[];
  /** When to call handleDeadline; null while nothing is due. */
  readonly nextDeadline: MonoMs | null;
}
