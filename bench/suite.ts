// What a suite of figures is to the command line that runs it.
import type { SuiteReport } from './figures/report.ts';

export interface SuiteOptions {
  /** Short: shows that everything works; its figures are rough. */
  readonly quick: boolean;
  /** Says what is going on, a line at a time. */
  readonly say: (line: string) => void;
}

export interface Suite {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** Never throws for a run that gives no figures: that is a report with a reason. */
  readonly run: (options: SuiteOptions) => Promise<SuiteReport>;
}
