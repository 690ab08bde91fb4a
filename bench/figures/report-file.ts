// Reports in files: what --json writes, what compare reads, and bench/baseline.json with the last accepted report of
// each suite.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { SuiteReport } from './report.ts';

/** Writes one report as JSON. */
export function writeReport(path: string, report: SuiteReport): void {
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

/**
 * Reads reports: of a file that --json wrote, or of a baseline with one report for each suite.
 * @throws with the path when it holds neither.
 */
export function readReports(path: string): ReadonlyMap<string, SuiteReport> {
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (isReport(content)) return new Map([[content.suite, content]]);
  if (typeof content !== 'object' || content === null)
    throw new Error(`${path} holds no bench report`);
  const entries: (readonly [string, SuiteReport])[] = [];
  for (const [suite, report] of Object.entries(content)) {
    if (!isReport(report)) throw new Error(`${path}: ${suite} is no bench report`);
    entries.push([suite, report]);
  }
  return new Map(entries);
}

/**
 * Puts a report into the baseline in place of the suite's former one.
 * @throws for an invalid report: a baseline has figures only.
 */
export function acceptReport(path: string, report: SuiteReport): void {
  if (!report.valid) throw new Error(`an invalid run of ${report.suite} can't be a baseline`);
  const accepted = new Map(existsSync(path) ? readReports(path) : []);
  accepted.set(report.suite, report);
  const sorted = [...accepted].sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}

function isReport(value: unknown): value is SuiteReport {
  return (
    typeof value === 'object' &&
    value !== null &&
    'suite' in value &&
    typeof value.suite === 'string' &&
    'valid' in value &&
    typeof value.valid === 'boolean' &&
    'machine' in value &&
    typeof value.machine === 'object' &&
    'results' in value &&
    Array.isArray(value.results)
  );
}
