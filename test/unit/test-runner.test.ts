// The runner's judgement of what a test program printed: a silent end is never a pass. Real uvu files are run for the
// cases in which uvu itself says nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(fileURLToPath(import.meta.url), '..', '..', '..');

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

/** Calls a function of the scripts in a process of its own and returns its JSON answer. */
function call(script: string, expression: string): string {
  const code = `import * as it from './scripts/lib/${script}'; console.log(JSON.stringify(await ${expression}));`;
  const args = ['--input-type=module', '-e', code];
  const result = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  assert.is(result.status, 0, result.stderr);
  return result.stdout;
}

function outcomeOf(kind: string, result: object): Outcome {
  const text = call(
    'test-outcome.mjs',
    `it.readOutcome(${JSON.stringify(kind)}, ${JSON.stringify(result)})`,
  );
  return JSON.parse(text) as Outcome;
}

/** Runs a uvu file with this body and gives the runner's verdict on it. */
function verdictOn(body: string): Outcome {
  const folder = mkdtempSync(join(ROOT, 'node_modules', '.runner-'));
  try {
    const path = join(folder, 'x.test.mjs');
    writeFileSync(path, `import { suite, test } from 'uvu';\n${body}`);
    const run = spawnSync(process.execPath, [path], { encoding: 'utf8' });
    const problem = run.status === 0 ? null : `exit code ${run.status}`;
    return outcomeOf('uvu', { ok: problem === null, output: run.stdout + run.stderr, problem });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('counts passed tests', () => {
  const outcome = verdictOn(`test('a', () => {}); test('b', () => {}); test.run();`);
  assert.equal(outcome, { passed: 2, failed: 0, skipped: 0, failures: [] });
});

test('names each failed test', () => {
  const outcome = verdictOn(
    `test('a', () => {}); test('b breaks', () => { throw new Error('x'); }); test.run();`,
  );
  assert.equal(outcome, { passed: 1, failed: 1, skipped: 0, failures: ['b breaks'] });
});

test('names the suite of a failed test', () => {
  const outcome = verdictOn(
    `const s = suite('rooms'); s('b breaks', () => { throw new Error('x'); }); s.run();`,
  );
  assert.equal(outcome.failures, ['rooms: b breaks']);
});

test('fails a file that forgets to run its tests', () => {
  const outcome = verdictOn(`test('a', () => {});`);
  assert.is(outcome.failed, 1);
});

test('fails a file that holds no test', () => {
  assert.is(verdictOn('test.run();').failed, 1);
});

test('fails a file whose set-up hook throws, which uvu itself calls a success', () => {
  const outcome = verdictOn(
    `const s = suite('x'); s.before(() => { throw new Error('x'); }); s('a', () => {}); s.run();`,
  );
  assert.ok(outcome.failed > 0);
});

test('fails a program that is killed after its summary', () => {
  const output = '  Total:     1\n  Passed:    1\n  Skipped:   0\n';
  const outcome = outcomeOf('uvu', { ok: false, output, problem: 'ended by SIGSEGV' });
  assert.equal(outcome, { passed: 1, failed: 1, skipped: 0, failures: ['ended by SIGSEGV'] });
});

test('reads the closing line of a suite and needs it to be the last', () => {
  const good = outcomeOf('suite', {
    ok: true,
    output: 'x\n7 passed, 0 failed, 2 skipped\n',
    problem: null,
  });
  assert.equal(good, { passed: 7, failed: 0, skipped: 2, failures: [] });
  const cut = outcomeOf('suite', {
    ok: true,
    output: '7 passed, 0 failed, 2 skipped\nmore\n',
    problem: null,
  });
  assert.is(cut.failed, 1);
});

test('ends a program at its time limit together with the children it has started', () => {
  const script = `const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' });
    setInterval(() => {}, 1e6);`;
  const text = call('run.mjs', `it.run(['node', '-e', ${JSON.stringify(script)}], { limitS: 1 })`);
  const result = JSON.parse(text) as { ok: boolean; timedOut: boolean; problem: string };
  // `close` comes only when nobody holds the output open, so coming here at all proves that the child is gone.
  assert.is(result.timedOut, true);
  assert.is(result.problem, 'killed at its time limit of 1 s');
});

test('reads what a test file says about itself', () => {
  const text =
    '// needs: root sipp\n// again: kernel-path\n// limit: 300s\n// runs: alone\n// What it is for.\nimport x;\n// needs: tshark\n';
  const answer = call('test-jobs.mjs', `it.readDirectives(${JSON.stringify(text)}, 'x')`);
  assert.equal(JSON.parse(answer), {
    needs: ['root', 'sipp'],
    again: ['kernel-path'],
    limitS: 300,
    runs: 'alone',
  });
});

/** Runs jobs of these classes through the scheduler and tells what began and ended, in order. */
function scheduled(jobs: readonly string[], timedLanes: number): readonly string[] {
  const text = call(
    'test-schedule.mjs',
    `(async () => {
      const seen = [];
      const note = (word, { name }) => {
        seen.push(word + name);
        return new Promise((resolve) => setImmediate(resolve));
      };
      const start = async (job) => {
        await note('+', job);
        await note('-', job);
      };
      const jobs = ${JSON.stringify(jobs)}.map((text) => {
        const [name, runs] = text.split(' ');
        return { name, runs };
      });
      const prepare = (job) => note('prepare ', job);
      await it.runInOrder(jobs, { start, prepare, cores: 2, timedLanes: ${timedLanes} });
      return seen;
    })()`,
  );
  return JSON.parse(text) as readonly string[];
}

test('runs what computes first, as many at a time as there are cores', () => {
  const seen = scheduled(['a anywhere', 't timed', 'b anywhere', 'c anywhere'], 1);
  assert.equal(seen.slice(0, 2), ['+a', '+b']);
  assert.ok(seen.indexOf('+c') > 1 && seen.indexOf('+t') > seen.indexOf('-c'));
});

test('runs what has deadlines side by side where that is safe, and what needs the cores after it', () => {
  const jobs = ['t timed', 'n alone', 'u timed', 'm alone'];
  const both = scheduled(jobs, 2).filter((word) => !word.startsWith('prepare'));
  assert.equal(both, ['+t', '+u', '-t', '-u', '+n', '-n', '+m', '-m']);
  const one = scheduled(jobs, 1).filter((word) => !word.startsWith('prepare'));
  assert.equal(one, ['+t', '-t', '+u', '-u', '+n', '-n', '+m', '-m']);
});

test('prepares what comes last while others wait, and runs behind them what only computes', () => {
  const seen = scheduled(['t timed', 'n alone', 'x behind', 'y behind'], 1);
  const behind = seen.filter((word) => /[nxy]$/.test(word) && word !== '+n' && word !== '-n');
  assert.equal(behind, ['prepare n', 'prepare x', 'prepare y', '+x', '-x', '+y', '-y']);
  assert.ok(seen.indexOf('prepare n') < seen.indexOf('-t'), 'it does not wait for the timed ones');
});

test('runs a file again with the kernel path, which a machine may lack, and fails for no other need', () => {
  const verdictOn = (needs: readonly string[]): string => {
    const job = JSON.stringify({ needs });
    const text = call('test-jobs.mjs', `it.readiness(${job}, { isRoot: true, mustRun: true })`);
    return (JSON.parse(text) as { readonly verdict: string }).verdict;
  };
  assert.ok(['run', 'skip'].includes(verdictOn(['kernel-path'])));
  const jobs = JSON.parse(call('test-jobs.mjs', 'it.allJobs({ quick: true })')) as readonly {
    readonly name: string;
    readonly needs: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  }[];
  const again = jobs.find(({ name }) => name === 'test/e2e/engine-relay.test.ts (kernel-path)');
  assert.equal(again?.needs, ['kernel-path']);
  assert.equal(again?.env, { TRUNKYARD_TEST_KERNEL_PATH: '1' });
});

test.run();
