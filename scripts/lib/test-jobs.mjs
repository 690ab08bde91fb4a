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
 * @property {readonly string[]} [preparation]  a command that has to succeed before; jobs with the same one share its run
 * @property {readonly string[]} command
 * @property {readonly string[]} needs words of NEEDS, or `root`
 * @property {Readonly<Record<string, string>>} [env]  set beside the environment
 * @property {number} limitS           seconds a command may take
 * @property {'anywhere' | 'timed' | 'alone' | 'behind'} runs  beside what: see test-schedule.mjs
 * @property {boolean} ownNetwork      it opens sockets on addresses that are everybody's
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
  // Two tests with sockets at a time: each sees a loopback interface of its own.
  namespaces: { programs: ['unshare', 'ip'], packages: ['util-linux', 'iproute2'] },
  clang: { programs: ['clang-16'], packages: ['clang-16', 'libclang-rt-16-dev'] },
  'clang-format': { programs: ['clang-format-16'], packages: ['clang-format-16'] },
  // Forwarding inside the kernel. No package brings it, so it is skipped where the machine refuses, as root too.
  'kernel-path': { programs: [], packages: [], isThere: hasKernelPath, mayLack: true },
};

/** Words of a test file's `// again:` line: what is set for its second run, which needs that word. */
const AGAIN = { 'kernel-path': { TRUNKYARD_TEST_KERNEL_PATH: '1' } };

const FILE_LIMIT_S = 120;
/** For builds and native suites; they may have to wait for the time that others leave. */
const NATIVE_LIMIT_S = 1800;
const INSTALL_LIMIT_S = 900;
const CHECK_LIMIT_S = 300;
const node = process.execPath;
const moduleProgram = (name, ...path) => [node, join('node_modules', name, ...path)];

/**
 * Every job there is.
 * @param {{quick: boolean}} options  `quick` leaves the sanitizer builds out.
 * @returns {Job[]}
 */
export function allJobs({ quick }) {
  return [...checks(), fuzzSmoke(), ...testFiles(), ...nativeSuites({ quick })];
}

function checks() {
  const check = (name, command, needs = []) => ({
    name,
    kind: 'check',
    command,
    needs,
    limitS: CHECK_LIMIT_S,
    runs: 'anywhere',
    ownNetwork: false,
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

/** Of test/native: rooms whose tests open sockets and wait for what really happens. */
const TIMED_ROOMS = ['engine', 'io', 'kernel'];

function nativeSuites({ quick }) {
  const suite = (what, { flavour, target = 'native_tests', runs, command }) => ({
    name: `native tests (${what})`,
    kind: 'suite',
    preparation: [node, 'scripts/build.mjs', flavour, '--target', target],
    command,
    needs: ['cmake', 'native-libraries'],
    limitS: NATIVE_LIMIT_S,
    runs,
    ownNetwork: false,
  });
  const program = (flavour) => join('build', flavour, 'native_tests');
  const part = (word) => TIMED_ROOMS.flatMap((room) => [word, `test/native/${room}/`]);
  // On node's own OpenSSL, the one that ships.
  const inNode = suite('srtp inside node', {
    flavour: 'dev',
    target: 'node_tests',
    runs: 'behind',
    command: [node, '-e', "process.exitCode = require('./build/dev/node_tests.node').run()"],
  });
  if (quick)
    return [inNode, suite('dev', { flavour: 'dev', runs: 'alone', command: [program('dev')] })];
  // The sanitized programs are optimised too and hold the same tests, so a plain one would only repeat them.
  return [
    inNode,
    suite('asan', {
      flavour: 'asan',
      runs: 'behind',
      command: [program('asan'), ...part('--except')],
    }),
    suite('asan, rooms with clocks', {
      flavour: 'asan',
      runs: 'alone',
      command: [program('asan'), ...part('--filter')],
    }),
    suite('tsan', { flavour: 'tsan', runs: 'alone', command: [program('tsan')] }),
  ];
}

function fuzzSmoke() {
  return {
    name: 'fuzz smoke (TypeScript parsers)',
    kind: 'suite',
    command: [node, 'scripts/fuzz.mjs', '--all', '--seconds', '5'],
    needs: [],
    limitS: CHECK_LIMIT_S,
    runs: 'anywhere',
    ownNetwork: false,
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
  const { needs, again, limitS, runs } = readDirectives(
    readFileSync(join(ROOT, path), 'utf8'),
    path,
  );
  const isEndToEnd = path.startsWith(join('test', 'e2e'));
  const job = {
    name: path,
    kind: 'uvu',
    command: [node, '--import', 'tsx', path],
    needs,
    limitS: limitS ?? FILE_LIMIT_S,
    runs: runs ?? (isEndToEnd ? 'timed' : 'anywhere'),
    ownNetwork: isEndToEnd,
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
 * Reads `// needs: root sipp`, `// again: kernel-path`, `// limit: 300s` and `// runs: alone` from the comment lines that open a
 * test file.
 * @returns {{needs: string[], again: string[], limitS: number | null, runs: 'alone' | 'anywhere' | null}}
 */
export function readDirectives(text, path) {
  let needs = [];
  let again = [];
  let limitS = null;
  let runs = null;
  for (const line of text.split('\n')) {
    if (!line.startsWith('//')) break;
    const [, word, value] = /^\/\/\s*(needs|again|limit|runs):\s*(.+?)\s*$/.exec(line) ?? [];
    if (word === 'needs') needs = value.split(/[\s,]+/);
    if (word === 'again') again = value.split(/[\s,]+/);
    if (word === 'runs') runs = value;
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
  if (runs !== null && runs !== 'alone' && runs !== 'anywhere')
    throw new Error(`${path}: a file runs "alone" or "anywhere", not "${runs}"`);
  return { needs, again, limitS, runs };
}

/**
 * Makes the machine ready for the jobs as far as we may: root installs the Debian packages that bring missing programs.
 * @param {readonly Job[]} jobs
 * @param {{log: (line: string) => void, isRoot: boolean}} options
 */
export async function installNeeds(jobs, { log, isRoot }) {
  // The set-up itself compiles the two native parts, and files with sockets get networks of their own.
  const wanted = ['compiler', 'namespaces', ...jobs.flatMap((job) => job.needs)];
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
    const result = await run(command, { env, limitS: INSTALL_LIMIT_S });
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

/** Gives the program that follows a network of its own, with a loopback interface and nothing else; root may. */
const OWN_NETWORK = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/** Whether this machine lets us have such networks. */
export function hasOwnNetworks() {
  const [program, ...args] = [...OWN_NETWORK, 'true'];
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** The command that runs a command in a network of its own. */
export function inOwnNetwork(command) {
  return [...OWN_NETWORK, ...command];
}

let kernelPath = null;

/** Asks the addon that the tests will load, in a process of its own; once. False as long as it isn't built. */
function hasKernelPath() {
  const ask = `process.exitCode = require('node-gyp-build')(process.cwd()).kernelPathObstacle() === '' ? 0 : 1`;
  kernelPath ??= spawnSync(node, ['-e', ask], { cwd: ROOT, stdio: 'ignore' }).status === 0;
  return kernelPath;
}
