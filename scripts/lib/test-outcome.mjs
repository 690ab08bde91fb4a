// Reading what a test program printed. A silent end is never a pass: uvu exits 0 when a file forgets `test.run()` and
// when a `before` hook throws, so the counts decide, not the exit code alone.
import { plainText } from './run.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} failures  one line for each failed test, or for what went wrong with the program
 */

/**
 * @param {'uvu' | 'suite' | 'check'} kind
 * @param {{ok: boolean, output: string, problem: string | null}} result
 * @returns {Outcome}
 */
export function readOutcome(kind, result) {
  const text = plainText(result.output);
  if (kind === 'check')
    return outcome({
      passed: result.ok ? 1 : 0,
      skipped: 0,
      failures: result.ok ? [] : [result.problem],
    });
  const counted = kind === 'uvu' ? readUvu(text) : readClosingLine(text);
  if (counted === null)
    return outcome({ passed: 0, skipped: 0, failures: [result.problem ?? 'printed no summary'] });
  const { passed, failed, skipped } = counted;
  const failures = kind === 'uvu' ? failedNames(text) : [];
  while (failures.length < failed) failures.push(`a failed test (see the output above)`);
  if (passed + failed + skipped === 0) failures.push('ran no test');
  if (!result.ok && failures.length === 0) failures.push(result.problem);
  return outcome({ passed, skipped, failures });
}

function outcome({ passed, skipped, failures }) {
  return { passed, failed: failures.length, skipped, failures };
}

/** uvu prints its summary on four lines; Total counts what should have run, so whatever did not pass has failed. */
function readUvu(text) {
  const count = (word) => {
    const last = [...text.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)\\s*$`, 'gm'))].at(-1);
    return last === undefined ? null : Number(last[1]);
  };
  const total = count('Total');
  const passed = count('Passed');
  const skipped = count('Skipped');
  return total === null || passed === null
    ? null
    : { passed, failed: total - passed, skipped: skipped ?? 0 };
}

function readClosingLine(text) {
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(
    text.trimEnd().split('\n').at(-1) ?? '',
  );
  return match === null
    ? null
    : { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}

/** uvu heads each failure with `FAIL  "name"`, or `FAIL  suite  "name"`. */
function failedNames(text) {
  return [...text.matchAll(/^\s*FAIL\s+(?:(.*?)\s+)?"(.*)"\s*$/gm)].map(([, suite, name]) =>
    suite ? `${suite}: ${name}` : name,
  );
}
