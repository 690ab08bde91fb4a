// What a suite hands out: figures with their names, or the reason why there are none. As a table for people, as JSON for
// programs, and two reports side by side. Names and meanings of the figures stand in bench/README.md.
import type { MachineFacts } from '../machine/facts.ts';
import type { Verdict } from './goals.ts';
import { GOALS, verdictOf } from './goals.ts';
import type { Interval } from './statistics.ts';

export interface BenchResult {
  /** `suite.figure`, for example `relay.cpu_ns_per_packet`. */
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly peer?: string;
  readonly peerValue?: number;
  /** Ours divided by the peer's: the median over the pairs, not the quotient of the medians. */
  readonly ratio?: number;
  /** 95 % of the bootstrapped median ratio lies in here. */
  readonly ratioInterval?: Interval;
  /** What the figure, or its ratio, is to reach, and whether it does; see goals.ts. */
  readonly must?: number;
  readonly verdict?: Verdict;
}

/** The report with what is asked of its figures. */
export function judged(report: SuiteReport): SuiteReport {
  const results = report.results.map((result) => {
    const goal = GOALS[result.name];
    const verdict = verdictOf(result, goal);
    return goal === undefined || verdict === null
      ? result
      : { ...result, must: goal.must, verdict };
  });
  return { ...report, results };
}

export interface SuiteReport {
  readonly suite: string;
  readonly valid: boolean;
  /** Why there are no figures. */
  readonly invalidReason?: string;
  readonly machine: MachineFacts;
  /** Empty unless valid. */
  readonly results: readonly BenchResult[];
}

/** Figures as they are printed: whole from 100 up, else three digits that count. */
export function figureText(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Lines of cells as text, the first column to the left, the rest to the right. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<readonly number[]>(
    (soFar, row) => row.map((cell, index) => Math.max(soFar[index] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => {
          const width = widths[index] ?? 0;
          return index === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A report as people read it. */
export function reportText(report: SuiteReport): string {
  const { machine } = report;
  const head = `${report.suite} on ${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, node ${machine.node}, commit ${machine.commit}`;
  if (!report.valid)
    return `${head}\ninvalid run, no figures: ${report.invalidReason ?? 'unknown'}`;
  const rows = report.results.map((result) => [
    result.name,
    figureText(result.value),
    result.unit,
    result.peerValue === undefined ? '' : figureText(result.peerValue),
    result.peer ?? '',
    result.ratio === undefined ? '' : result.ratio.toFixed(2),
    result.ratioInterval === undefined
      ? ''
      : `${result.ratioInterval.low.toFixed(2)}..${result.ratioInterval.high.toFixed(2)}`,
    mustText(result),
    result.verdict ?? '',
  ]);
  const table = tableText([
    ['figure', 'value', 'unit', 'theirs', 'peer', 'ratio', '95 %', 'must', ''],
    ...rows,
  ]);
  return `${head}\n${table}\nsteal ${percentText(machine.stealShare)}, other programs ${percentText(machine.foreignShare)} of the machine`;
}

function mustText({ name, must }: BenchResult): string {
  const goal = GOALS[name];
  if (goal === undefined || must === undefined) return '';
  const sign = goal.better === 'less' ? '<=' : '>=';
  return `${sign} ${figureText(must)}${goal.of === 'ratio' ? ' x' : ''}`;
}

/** Two reports of one suite, figure by figure; the quotient is the second divided by the first. */
export function comparisonText(before: SuiteReport, after: SuiteReport): string {
  const lacking = [before, after].find(({ valid }) => !valid);
  if (lacking !== undefined)
    return `nothing to compare: ${lacking.suite} of commit ${lacking.machine.commit} is invalid (${lacking.invalidReason ?? 'unknown'})`;
  if (before.suite !== after.suite)
    return `nothing to compare: ${before.suite} and ${after.suite} are different suites`;
  const rows = after.results.map(({ name, unit, value, ratio }) => {
    const old = before.results.find((result) => result.name === name);
    return [
      name,
      unit,
      old === undefined ? '-' : figureText(old.value),
      figureText(value),
      old === undefined || old.value === 0 ? '-' : (value / old.value).toFixed(2),
      old?.ratio?.toFixed(2) ?? '-',
      ratio?.toFixed(2) ?? '-',
    ];
  });
  const head = ['figure', 'unit', 'before', 'after', 'after/before', 'ratio before', 'ratio after'];
  const note =
    before.machine.cpu === after.machine.cpu && before.machine.kernel === after.machine.kernel
      ? 'Only the ratios to the peer were measured side by side; the machine may have changed between the two runs.'
      : 'The two come from different machines: only the ratios to the peer mean anything.';
  return `${tableText([head, ...rows])}\n${note}`;
}

function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
