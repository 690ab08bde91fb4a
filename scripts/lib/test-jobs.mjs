// What `npm test` runs: one job for each test file, native suite and check, with what the job needs from the machine.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from '../setup.mjs';
import { run } from './run.mjs';

/**
 * @typedef {object} Job
 * @property {string} name            what the report calls it; --filter looks in it
 * @property {'uvu' | 'suite' | 'check'} kind  how its output is read: a test file, a program that ends with a line
 *   `N passed, N failed, N skipped`, or a program whose exit code is all it says
 * @property {readonly (readonly string[])[]} commands  run in order; all but the last only prepare
 * @property {readonly string[]} needs words of NEEDS, or `root`
 * @property {Readonly<Record<string, string>>} [env]  set beside the environment
 * @property {number} limitS           seconds a command may take
 * @property {boolean} alone           nothing else runs beside it: it has deadlines of real time
 */

/**
 * Words of a test file's `// needs:` line: the programs and files that show it is there, and the Debian packages that
 * bring it.
 */
export const NEEDS = {
  sipp: { programs: ['sipp'], packages: ['sip-tester'] },
  baresip: { programs: ['baresip'], packages: ['baresip-core'] },
  tshark: { programs: ['tshark'], packages: ['tshark'] },
  sipsak: { programs: ['sipsak'], packages: ['sipsak'] },
  sox: { programs: ['sox'], packages: ['sox'] },
  kamailio: { programs: ['kamailio'], packages: ['kamailio'] },
  rtpengine: { programs: ['rtpengine'], packages: ['rtpengine-daemon'] },
  compiler: { programs: ['g++', 'make', 'python3'], packages: ['g++', 'make', 'python3'] },
  cmake: { programs: ['cmake', 'ninja', 'g++'], packages: ['cmake', 'ninja-build', 'g++'] },
  // What native tests link beside our own code: SRTP's ciphers, and another SRTP to compare with.
  'native-libraries': {
    programs: [],
    files: ['/usr/include/openssl/evp.h', '/usr/include/srtp2/srtp.h'],
    packages: ['libssl-dev', 'libsrtp2-dev'],
  },
  clang: { programs: ['clang-16'], packages: ['clang-16', 'libclang-rt-16-dev'] },
  'clang-format': { programs: ['clang-format-16'], packages: ['clang-format-16'] },
  // Forwarding inside the kernel. No package brings it, so it is skipped where the machine refuses, as root too.
  'kernel-path': { programs: [], packages: [], isThere: hasKernelPath, mayLack: true },
};

/** Words of a test file's `// again:` line: what is set for its second run, which needs that word. */
const AGAIN = { 'kernel-path': { TRUNKYARD_TEST_KERNEL_PATH: '1' } };

const FILE_LIMIT_S = 120;
const BUILD_LIMIT_S = 900;
const CHECK_LIMIT_S = 300;
const node = process.execPath;
const moduleProgram = (name, ...path) => [node, join('node_modules', name, ...path)];

/**
 * Every job there is, in the order they start: quick answers first, then what needs the machine to itself.
 * @param {{quick: boolean}} options  `quick` leaves the sanitizer builds out.
 * @returns {Job[]}
 */
export function allJobs({ quick }) {
  const files = testFiles();
  const besides = files.filter((job) => !job.alone);
  const alone = files.filter((job) => job.alone);
  return [...checks(), ...besides, ...nativeSuites({ quick }), fuzzSmoke(), ...alone];
}

function checks() {
  const check = (name, command, needs = []) => ({
    name,
    kind: 'check',
    commands: [command],
    needs,
    limitS: CHECK_LIMIT_S,
    alone: false,
  });
  return [
    check('check: tidy', [node, 'scripts/tidy.mjs']),
    check('check: types', [...moduleProgram('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']),
    check('check: lint', [
      ...moduleProgram('eslint', 'bin', 'eslint.js'),
      '--max-warnings',
      '0',
      '.',
    ]),
    check('check: format', [
      ...moduleProgram('prettier', 'bin', 'prettier.cjs'),
      '--check',
      '--log-level',
      'warn',
      '.',
    ]),
    check(
      'check: native format',
      ['sh', '-c', "git ls-files -z '*.cc' '*.h' | xargs -0 -r clang-format-16 --dry-run --Werror"],
      ['clang-format'],
    ),
    check('check: generated docs', [node, 'scripts/gen-docs.mjs', '--check']),
    check('check: generated contract', [node, 'scripts/gen-contract.mjs', '--check']),
  ];
}

function nativeSuites({ quick }) {
  // The sanitized programs are optimised too and hold the same tests, so the plain one would only repeat them.
  const flavours = quick ? ['dev'] : ['asan', 'tsan'];
  const suite = (name, flavour, target, command) => ({
    name,
    kind: 'suite',
    commands: [[node, 'scripts/build.mjs', flavour, '--target', target], command],
    needs: ['cmake', 'native-libraries'],
    limitS: BUILD_LIMIT_S,
    alone: true,
  });
  const inNode = "process.exitCode = require('./build/dev/node_tests.node').run()";
  return [
    ...flavours.map((flavour) => {
      const program = join('build', flavour, 'native_tests');
      return suite(`native tests (${flavour})`, flavour, 'native_tests', [program]);
    }),
    // On node's own OpenSSL, the one that ships.
    suite('native tests (srtp inside node)', 'dev', 'node_tests', [node, '-e', inNode]),
  ];
}

function fuzzSmoke() {
  return {
    name: 'fuzz smoke (TypeScript parsers)',
    kind: 'suite',
    commands: [[node, 'scripts/fuzz.mjs', '--all', '--seconds', '5']],
    needs: [],
    limitS: CHECK_LIMIT_S,
    alone: true,
  };
}

function testFiles() {
  return readdirSync(join(ROOT, 'test'), { recursive: true })
    .map((path) => join('test', path))
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
    .flatMap(fileJobs);
}

function fileJobs(path) {
  const { needs, again, limitS } = readDirectives(readFileSync(join(ROOT, path), 'utf8'), path);
  const job = {
    name: path,
    kind: 'uvu',
    commands: [[node, '--import', 'tsx', path]],
    needs,
    limitS: limitS ?? FILE_LIMIT_S,
    alone: path.startsWith(join('test', 'e2e')),
  };
  const repeated = again.map((word) => ({
    ...job,
    name: `${path} (${word})`,
    needs: [...needs, word],
    env: AGAIN[word],
  }));
  return [job, ...repeated];
}

/**
 * Reads `// needs: root sipp`, `// again: kernel-path` and `// limit: 300s` from the comment lines that open a test file.
 * @returns {{needs: string[], again: string[], limitS: number | null}}
 */
export function readDirectives(text, path) {
  let needs = [];
  let again = [];
  let limitS = null;
  for (const line of text.split('\n')) {
    if (!line.startsWith('//')) break;
    const [, word, value] = /^\/\/\s*(needs|again|limit):\s*(.+?)\s*$/.exec(line) ?? [];
    if (word === 'needs') needs = value.split(/[\s,]+/);
    if (word === 'again') again = value.split(/[\s,]+/);
    if (word === 'limit') limitS = Number(/^(\d+)\s?s$/.exec(value)?.[1] ?? Number.NaN);
  }
  const unknown = needs.filter((need) => need !== 'root' && !Object.hasOwn(NEEDS, need));
  if (unknown.length > 0)
    throw new Error(
      `${path}: unknown need: ${unknown.join(', ')}; known: root, ${Object.keys(NEEDS).join(', ')}`,
    );
  const unknownAgain = again.filter((word) => !Object.hasOwn(AGAIN, word));
  if (unknownAgain.length > 0)
    throw new Error(
      `${path}: unknown word: again ${unknownAgain.join(', ')}; known: ${Object.keys(AGAIN).join(', ')}`,
    );
  if (Number.isNaN(limitS)) throw new Error(`${path}: a limit is written like "// limit: 300s"`);
  return { needs, again, limitS };
}

/**
 * Makes the machine ready for the jobs as far as we may: root installs the Debian packages that bring missing programs.
 * @param {readonly Job[]} jobs
 * @param {{log: (line: string) => void, isRoot: boolean}} options
 */
export async function installNeeds(jobs, { log, isRoot }) {
  // The set-up itself compiles the two native parts.
  const wanted = ['compiler', ...jobs.flatMap((job) => job.needs)];
  const missing = new Set(
    wanted.filter((need) => need !== 'root' && !NEEDS[need].mayLack && !isThere(need)),
  );
  if (missing.size === 0 || !isRoot || !existsSync('/usr/bin/apt-get')) return;
  const packages = [...missing].flatMap((need) => NEEDS[need].packages);
  log(`set-up: installing Debian packages: ${packages.join(' ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const commands = [
    ['apt-get', 'update', '-qq'],
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages],
  ];
  for (const command of commands) {
    const result = await run(command, { env, limitS: BUILD_LIMIT_S });
    // What could not be installed fails the jobs that need it, each by its name.
    if (!result.ok)
      log(`${result.output.trimEnd()}\nset-up: ${command.join(' ')}: ${result.problem}`);
  }
}

/**
 * Whether a job can run here.
 * @param {{isRoot: boolean, mustRun: boolean}} options  `mustRun`: as root and in CI a missing need is a failure, unless the
 *   machine may lack it for good.
 * @returns {{verdict: 'run'} | {verdict: 'skip' | 'fail', reason: string}}
 */
export function readiness(job, { isRoot, mustRun }) {
  const lacking = job.needs.filter((need) => (need === 'root' ? !isRoot : !isThere(need)));
  if (lacking.length === 0) return { verdict: 'run' };
  const mayLack = lacking.every((need) => NEEDS[need]?.mayLack);
  return {
    verdict: mustRun && !mayLack ? 'fail' : 'skip',
    reason: `needs ${lacking.join(', ')}`,
  };
}

function isThere(need) {
  const { programs, files = [], isThere: asked } = NEEDS[need];
  if (asked !== undefined) return asked();
  return programs.every(isOnPath) && files.every((file) => existsSync(file));
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

let kernelPath = null;

/** Asks the addon that the tests will load, in a process of its own; once. False as long as it isn't built. */
function hasKernelPath() {
  const ask = `process.exitCode = require('node-gyp-build')(process.cwd()).kernelPathObstacle() === '' ? 0 : 1`;
  kernelPath ??= spawnSync(node, ['-e', ask], { cwd: ROOT, stdio: 'ignore' }).status === 0;
  return kernelPath;
}
