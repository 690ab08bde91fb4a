// Makes a checkout ready to run: packages, SQLite's addon, our own addon, the compiled control plane. `npm start` and
// `npm test` both begin here, so a fresh clone needs no other command. Each step looks first and does nothing when it
// is up to date; staleness is judged by content, never by file times, which a clone or a branch change makes worthless.
//
// It never goes through the package's own `install` script: packages are installed with --ignore-scripts and the two
// native parts are built by name, so npm 10 and npm 11 (which treats install scripts differently) behave the same.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { durationText, run } from './lib/run.mjs';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

const HELP = `usage: node scripts/setup.mjs [--production]

Installs the packages of package-lock.json, builds the two native parts and compiles src to dist,
each only when it is missing or out of date.

  --production  leave out the packages that only development and tests need
  --help        this text`;

/**
 * @param {{log?: (line: string) => void, production?: boolean}} options
 * @returns {Promise<{step: string, problem: string}[]>} what failed, empty when everything is ready. A step that needs
 *   a failed one is not tried.
 */
export async function setup({ log = console.log, production = false } = {}) {
  const failures = [];
  const step = async (name, isReady, commands, done) => {
    if (failures.some((failure) => failure.step === 'packages') || (await isReady())) return;
    log(`set-up: ${name} ...`);
    let seconds = 0;
    for (const command of commands) {
      const result = await run(command, { cwd: ROOT, env: buildEnvironment(), limitS: 1200 });
      seconds += result.seconds;
      if (!result.ok) {
        log(result.output.trimEnd());
        log(`set-up: ${name} failed: ${command.join(' ')}: ${result.problem}`);
        failures.push({ step: name, problem: `${command.join(' ')}: ${result.problem}` });
        return;
      }
    }
    done?.();
    log(`set-up: ${name} done in ${durationText(seconds)}`);
  };

  const omit = production ? ['--omit=dev'] : [];
  await step('packages', () => packagesAreInstalled({ production }), [
    npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', ...omit),
  ]);
  // Side by side: SQLite is one long file, which keeps one core busy.
  await Promise.all([
    step(
      'SQLite addon (built from source where no ready-made one can be had, about 2 minutes)',
      sqliteLoads,
      [npm('rebuild', 'better-sqlite3')],
    ),
    step(
      'media addon',
      stampIs('build/Release', addonDigest),
      [[process.execPath, 'scripts/build.mjs', 'release']],
      () => writeStamp('build/Release', addonDigest()),
    ),
    compileControlPlane(step),
  ]);
  return failures;
}

async function compileControlPlane(step) {
  if (!existsSync(join(ROOT, 'src'))) return; // An installed package brings dist ready-made.
  const compiler = [
    process.execPath,
    join('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ];
  // A file that left src must leave dist too, so it starts empty.
  const clear = [
    process.execPath,
    '-e',
    "require('node:fs').rmSync('dist', { recursive: true, force: true })",
  ];
  await step('control plane', stampIs('dist', sourceDigest), [clear, compiler], () =>
    writeStamp('dist', sourceDigest()),
  );
}

/** The npm that runs us, else the one on PATH: two versions on one machine must not be mixed. */
function npm(...args) {
  const own = process.env.npm_execpath;
  return own !== undefined && own.endsWith('.js') && existsSync(own)
    ? [process.execPath, own, ...args]
    : ['npm', ...args];
}

/** node-gyp compiles on one core unless told, and downloads headers that the usual Node archives already hold. */
function buildEnvironment() {
  const env = { ...process.env, JOBS: process.env.JOBS ?? '2' };
  const prefix = join(dirname(process.execPath), '..');
  const header = join(prefix, 'include', 'node', 'node_version.h');
  if (
    env.npm_config_nodedir === undefined &&
    existsSync(header) &&
    headerVersion(header) === process.version
  ) {
    env.npm_config_nodedir = prefix;
  }
  return env;
}

function headerVersion(path) {
  const text = readFileSync(path, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** npm keeps a list of what it really put into node_modules; it is compared with the lockfile entry by entry. */
function packagesAreInstalled({ production }) {
  const installedPath = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return false;
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    const mayBeAbsent =
      path === '' ||
      entry.optional === true ||
      entry.devOptional === true ||
      (production && entry.dev === true);
    if (mayBeAbsent) return true;
    return (
      installed[path]?.version === entry.version && existsSync(join(ROOT, path, 'package.json'))
    );
  });
}

async function sqliteLoads() {
  const open = "new (require('better-sqlite3'))(':memory:').close()";
  return (await run([process.execPath, '-e', open], { cwd: ROOT, limitS: 30 })).ok;
}

const addonDigest = () =>
  digest([
    'native',
    'binding.gyp',
    'scripts/build.mjs',
    'scripts/libopus.mjs',
    'package-lock.json',
  ]);
const sourceDigest = () =>
  digest(['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);

/** One digest over the names and contents of files and folders, and over the Node that they are built for. */
function digest(paths) {
  const hash = createHash('sha256').update(
    `${process.version} ${process.platform} ${process.arch}\n`,
  );
  const add = (path) => {
    hash.update(`${relative(ROOT, path)}\n`).update(readFileSync(path));
  };
  for (const path of paths.map((name) => join(ROOT, name)).filter((path) => existsSync(path))) {
    const entries = entriesOf(path);
    if (entries === null) add(path);
    else for (const entry of entries) add(entry);
  }
  return hash.digest('hex');
}

function entriesOf(path) {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort();
  } catch (error) {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  }
}

const STAMP = '.built-from';

function stampIs(folder, digestNow) {
  const path = join(ROOT, folder, STAMP);
  return () => existsSync(path) && readFileSync(path, 'utf8').trim() === digestNow();
}

function writeStamp(folder, value) {
  mkdirSync(join(ROOT, folder), { recursive: true });
  writeFileSync(join(ROOT, folder, STAMP), `${value}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.includes('--help')) console.log(HELP);
  else if ((await setup({ production: args.includes('--production') })).length > 0)
    process.exitCode = 1;
}
