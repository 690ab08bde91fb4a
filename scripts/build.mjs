// Builds the native engine: the addon that ships (node-gyp) and the development flavours (CMake and
// ninja): debug, sanitizers, fuzz targets. Each flavour has a folder of its own under build/, so that
// they never disturb each other and each is incremental.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

const HELP = `usage: node scripts/build.mjs [release|dev|asan|tsan|fuzz] [--target NAME] [--clean]

  release  the addon that ships: build/Release/trunkyard.node, by node-gyp from binding.gyp (default)
  dev      build/dev: the addon, native_tests; with debug information and light optimisation
  asan     build/asan: the same under AddressSanitizer and UndefinedBehaviorSanitizer
  tsan     build/tsan: the same under ThreadSanitizer
  fuzz     build/fuzz: one libFuzzer executable for each target (clang needed); how to run them
           stands in native/README.md

  --target NAME  build this target alone (not with release), for example native_tests
  --clean        start this flavour from nothing
  --help         this text

Two compilers run at a time unless the environment says otherwise (JOBS).`;

const CMAKE_OPTIONS = {
  dev: [],
  asan: ['-DTRUNKYARD_SANITIZE=address', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
  tsan: ['-DTRUNKYARD_SANITIZE=thread', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
  fuzz: ['-DTRUNKYARD_FUZZ=ON', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
};

/** A build that can't be done, with the one sentence that says why. */
export class BuildFailure extends Error {}

/** Builds build/Release/trunkyard.node. @throws BuildFailure */
export function buildRelease({ clean = false } = {}) {
  for (const [command, why] of [
    ['python3', 'node-gyp is written in it'],
    ['make', 'node-gyp builds with it'],
    ['g++', 'the media engine is C++20 (GCC 12 or newer)'],
  ]) {
    requireCommand(command, why);
  }
  if (clean) rmSync(join(ROOT, 'build', 'Release'), { recursive: true, force: true });
  const env = { ...process.env, JOBS: jobs(), ...nodeHeaders() };
  // Not "rebuild": that begins by deleting build/ whole, with the development flavours in it.
  run(process.execPath, [findNodeGyp(), 'configure', 'build', '--release'], env);
}

/** Builds a development flavour into build/<flavour>. @throws BuildFailure */
export function buildFlavour(flavour, { target, clean = false } = {}) {
  requireCommand('cmake', 'the development builds are described for it');
  requireCommand('ninja', 'the development builds run on it (Debian: ninja-build)');
  const folder = join('build', flavour);
  if (clean) rmSync(join(ROOT, folder), { recursive: true, force: true });
  const env = { ...process.env };
  if (flavour === 'fuzz') {
    env.CXX = findClang();
    env.CC = env.CXX.replace('clang++', 'clang');
  }
  if (flavour === 'dev') {
    configureByCmakeJs(folder, env);
  } else {
    run('cmake', ['-S', 'native', '-B', folder, '-G', 'Ninja', ...CMAKE_OPTIONS[flavour]], env);
  }
  const targets = target === undefined ? [] : [target];
  run('ninja', ['-C', folder, '-j', jobs(), ...targets], env);
}

/** cmake-js where it is installed (it hands down Node's paths); plain cmake finds the headers as well. */
function configureByCmakeJs(folder, env) {
  const cmakeJs = join(ROOT, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const entry = existsSync(cmakeJs) ? cmakeJs : undefined;
  if (entry === undefined) {
    const options = ['-DCMAKE_BUILD_TYPE=RelWithDebInfo'];
    run('cmake', ['-S', 'native', '-B', folder, '-G', 'Ninja', ...options], env);
    return;
  }
  const options = ['-d', 'native', '-O', join(ROOT, folder), '-G', 'Ninja', '-B', 'RelWithDebInfo'];
  run(process.execPath, [entry, 'configure', '-l', 'warn', ...options], env);
}

function run(command, args, env) {
  const result = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (result.error !== undefined) {
    throw new BuildFailure(`${command} can't be started: ${result.error.message}`);
  }
  if (result.status !== 0) {
    const end = result.signal === null ? `exit code ${result.status}` : result.signal;
    throw new BuildFailure(`${[command, ...args].join(' ')}: ${end}`);
  }
}

function jobs() {
  return process.env.JOBS ?? '2';
}

function requireCommand(command, why) {
  if (spawnSync(command, ['--version'], { stdio: 'ignore' }).error !== undefined) {
    throw new BuildFailure(
      `${command} is missing: ${why}. Debian: apt-get install python3 make g++ cmake ninja-build`,
    );
  }
}

/**
 * npm's own copy of node-gyp: inside an npm script npm names it, outside it lies beside the global npm.
 * A newer node-gyp fetched from elsewhere might not run on this Node.
 */
function findNodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named !== undefined && existsSync(named)) return named;
  const entry = join('npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const prefix = join(dirname(process.execPath), '..');
  const candidates = [join(prefix, 'lib', 'node_modules', entry)];
  try {
    const globalRoot = execFileSync('npm', ['root', '--global'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    candidates.push(join(globalRoot.trim(), entry));
  } catch {
    // No npm on PATH; the first candidate may still do.
  }
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) {
    throw new BuildFailure(
      `node-gyp is missing: npm brings it, but none of these exist: ${candidates.join(', ')}`,
    );
  }
  return found;
}

/** The headers next to the running node, where they match it; else node-gyp downloads them. */
function nodeHeaders() {
  if (process.env.npm_config_nodedir !== undefined) return {};
  const prefix = join(dirname(process.execPath), '..');
  const header = join(prefix, 'include', 'node', 'node_version.h');
  if (!existsSync(header)) return {};
  const text = readFileSync(header, 'utf8');
  const numbers = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return `v${numbers.join('.')}` === process.version ? { npm_config_nodedir: prefix } : {};
}

/** clang++ or the newest clang++-N on PATH: libFuzzer exists for no other compiler. */
function findClang() {
  const names = new Set();
  for (const folder of (process.env.PATH ?? '').split(':')) {
    try {
      for (const name of readdirSync(folder)) names.add(name);
    } catch {
      // PATH may name folders that don't exist.
    }
  }
  const numbered = [...names]
    .filter((name) => /^clang\+\+-\d+$/.test(name))
    .sort((a, b) => Number(b.slice(8)) - Number(a.slice(8)));
  const chosen = names.has('clang++') ? 'clang++' : numbered[0];
  if (chosen === undefined) {
    throw new BuildFailure(
      'clang++ is missing. Debian: apt-get install clang-16 libclang-rt-16-dev',
    );
  }
  return chosen;
}

function main(args) {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  let flavour = 'release';
  const options = { clean: false };
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index];
    if (arg === '--clean') options.clean = true;
    else if (arg === '--target' && args[index + 1] !== undefined)
      options.target = args[(index += 1)];
    else if (arg === 'release' || Object.hasOwn(CMAKE_OPTIONS, arg)) flavour = arg;
    else {
      console.error(`"${arg}" is not understood.\n\n${HELP}`);
      return 64;
    }
  }
  try {
    if (flavour !== 'release') buildFlavour(flavour, options);
    else if (options.target === undefined) buildRelease(options);
    else
      throw new BuildFailure(
        '--target belongs to the development flavours; release builds the addon alone',
      );
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error;
    console.error(`build: ${error.message}`);
    return 1;
  }
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv.slice(2));
}
