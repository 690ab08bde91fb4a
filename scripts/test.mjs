// The test runner: one child process for each file, so that a hanging or crashing test costs that file alone, and one
// sum over test files, native suites and checks. It makes a fresh clone ready by itself.
import { killGroups, durationText, plainText, run } from './lib/run.mjs';
import {
  allJobs,
  hasOwnNetworks,
  inOwnNetwork,
  installNeeds,
  readiness,
} from './lib/test-jobs.mjs';
import { readOutcome } from './lib/test-outcome.mjs';
import { runInOrder } from './lib/test-schedule.mjs';
import { ROOT, setup } from './setup.mjs';

const HELP = `usage: npm test [-- OPTIONS]

Installs and builds what is missing, then runs every test there is. The last line is
"N passed, N failed, N skipped"; the exit code is 0 only when something ran and nothing failed.

  --filter TEXT  only the jobs whose name holds TEXT (a path, or "native", "fuzz", "check: lint")
  --quick        a plain native build in place of the sanitizers'
  --list         print the jobs and run nothing
  --help         this text

A test file may open with comment lines that speak to this runner:
  // needs: root sipp baresip   programs it uses. Root installs them from Debian; without root the file is
                                skipped when one is missing. As root and in CI nothing is skipped.
  // again: kernel-path         a second run with the kernel's fast path, where the machine has one
  // limit: 300s                its time limit, in place of 120 s
  // runs: alone                it has deadlines and needs the cores, so that no other such test runs beside it
  // runs: anywhere             an end-to-end test without deadlines, which runs with those that compute`;

/** What computes, at a time. */
const CORES = 2;
/** What has deadlines, at a time, where each can have a network of its own: it waits more than it computes. */
const TIMED_LANES = 2;

/** @returns {{filter: string, quick: boolean, list: boolean, help: boolean}} */
function parseArguments(args) {
  const options = { filter: '', quick: false, list: false, help: false };
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index].replace(/^--/, '');
    if (word === 'filter') {
      index += 1;
      if (args[index] === undefined) throw new Error('--filter needs a text');
      options.filter = args[index];
    } else if (args[index].startsWith('--') && typeof options[word] === 'boolean') {
      options[word] = true;
    } else {
      throw new Error(`unknown option ${args[index]}; --help lists them`);
    }
  }
  return options;
}

/**
 * What tests may see of our environment: nothing that colours output or points them at somebody's configuration.
 * @param {{compiled: boolean}} options  whether dist is what src says
 */
function testEnvironment({ compiled }) {
  const env = { ...process.env, NO_COLOR: '1' };
  delete env.TRUNKYARD_TEST_COMPILED;
  if (compiled) env.TRUNKYARD_TEST_COMPILED = '1';
  delete env.FORCE_COLOR;
  delete env.TRUNKYARD_CONFIG;
  delete env.NODE_OPTIONS;
  return env;
}

class Report {
  #passed = 0;
  #skipped = 0;
  #failures = [];
  #skippedJobs = [];

  /** A job that ended. */
  add(job, outcome, { seconds, output }) {
    this.#passed += outcome.passed;
    this.#skipped += outcome.skipped;
    const tests = outcome.passed + outcome.failed + outcome.skipped;
    const word = outcome.failed > 0 ? 'FAIL' : 'ok  ';
    console.log(
      `${word} ${job.name} (${tests} ${tests === 1 ? 'test' : 'tests'}, ${durationText(seconds)})`,
    );
    if (outcome.failed > 0) console.log(`${indented(plainText(output).trimEnd())}\n`);
    for (const failure of outcome.failures) this.fail(job.name, failure);
  }

  fail(name, reason) {
    this.#failures.push(`${name}: ${reason}`);
  }

  skip(name, reason) {
    console.log(`skip ${name}: ${reason}`);
    this.#skipped += 1;
    this.#skippedJobs.push(`${name}: ${reason}`);
  }

  /** Prints the end of the report. @returns {boolean} whether the run counts as good */
  close() {
    if (this.#skippedJobs.length > 0)
      console.log(`\nskipped:\n${this.#skippedJobs.map((line) => `  ${line}`).join('\n')}`);
    if (this.#failures.length > 0)
      console.log(`\nfailed:\n${this.#failures.map((line) => `  ${line}`).join('\n')}`);
    const nothingRan = this.#passed + this.#failures.length === 0;
    if (nothingRan) console.log('\nno test ran');
    console.log(
      `\n${this.#passed} passed, ${this.#failures.length} failed, ${this.#skipped} skipped`,
    );
    return this.#failures.length === 0 && !nothingRan;
  }
}

function indented(text) {
  return text.replace(/^/gm, '     ');
}

/** Runs jobs and what prepares them; a preparation that several share is done once. */
class Runner {
  #env;
  #report;
  #ownNetworks;
  /** By command. */
  #preparations = new Map();

  constructor(report, { env, ownNetworks }) {
    this.#report = report;
    this.#env = env;
    this.#ownNetworks = ownNetworks;
  }

  /** @returns {Promise<string | null>} why it failed */
  prepare(job) {
    const { preparation } = job;
    if (preparation === undefined) return Promise.resolve(null);
    const key = preparation.join(' ');
    const known = this.#preparations.get(key);
    if (known !== undefined) return known;
    const done = this.#prepareBy(preparation, job.limitS);
    this.#preparations.set(key, done);
    return done;
  }

  async #prepareBy(command, limitS) {
    const result = await run(command, { cwd: ROOT, env: this.#env, limitS, yields: true });
    const name = command.slice(1).join(' ');
    if (result.ok) {
      console.log(`made ${name} (${durationText(result.seconds)})`);
      return null;
    }
    console.log(`${name}:\n${indented(plainText(result.output).trimEnd())}\n`);
    return `${name}: ${result.problem}`;
  }

  async start(job) {
    const problem = await this.prepare(job);
    if (problem !== null) {
      const outcome = { passed: 0, failed: 1, skipped: 0, failures: [problem] };
      this.#report.add(job, outcome, { seconds: 0, output: '' });
      return;
    }
    const isolated = job.ownNetwork && this.#ownNetworks;
    const result = await run(isolated ? inOwnNetwork(job.command) : job.command, {
      cwd: ROOT,
      env: { ...this.#env, ...job.env },
      limitS: job.limitS,
      yields: job.runs === 'behind',
    });
    const output =
      result.problem === null ? result.output : `${result.output.trimEnd()}\n${result.problem}`;
    this.#report.add(job, readOutcome(job.kind, result), { seconds: result.seconds, output });
  }
}

/** @returns {Promise<boolean>} whether all is well */
async function main(options) {
  const startedMs = performance.now();
  const jobs = allJobs(options).filter((job) => job.name.includes(options.filter));
  if (options.list) {
    for (const job of jobs)
      console.log(
        job.needs.length === 0 ? job.name : `${job.name}  (needs ${job.needs.join(' ')})`,
      );
    return true;
  }
  const report = new Report();
  const isRoot = process.getuid?.() === 0;
  const mustRun = isRoot || process.env.CI === 'true';
  await installNeeds(jobs, { log: console.log, isRoot });
  const problems = await setup();
  for (const { step, problem } of problems) report.fail(`set-up: ${step}`, problem);
  if (problems.some(({ step }) => step === 'packages')) return report.close();
  const ready = jobs.filter((job) => {
    const answer = readiness(job, { isRoot, mustRun });
    if (answer.verdict === 'skip') report.skip(job.name, answer.reason);
    if (answer.verdict === 'fail')
      report.fail(job.name, `${answer.reason}, which could not be had`);
    return answer.verdict === 'run';
  });
  const ownNetworks = hasOwnNetworks();
  const compiled = !problems.some(({ step }) => step === 'control plane');
  const runner = new Runner(report, { env: testEnvironment({ compiled }), ownNetworks });
  await runInOrder(ready, {
    start: (job) => runner.start(job),
    prepare: (job) => runner.prepare(job),
    cores: CORES,
    timedLanes: ownNetworks ? TIMED_LANES : 1,
  });
  console.log(`\n${jobs.length} jobs in ${durationText((performance.now() - startedMs) / 1000)}`);
  return report.close();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    killGroups();
    console.log(`\nstopped by ${signal}`);
    process.exit(1);
  });
}

const options = parseArguments(process.argv.slice(2));
if (options.help) console.log(HELP);
else process.exitCode = (await main(options)) ? 0 : 1;
