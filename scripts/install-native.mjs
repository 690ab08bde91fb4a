// The package's install script: makes sure that an addon is there that this Node can load. A prebuilt
// file that fits is enough; so is a build that is newer than every source; else it is compiled.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildFailure, buildRelease } from './build.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const BUILT = join(ROOT, 'build', 'Release', 'trunkyard.node');

const HELP = `usage: node scripts/install-native.mjs

Does nothing when prebuilds/ holds an addon for this machine or build/Release/trunkyard.node is newer
than its sources; compiles it otherwise (python3, make and g++ are needed then).

  --help  this text`;

/** Whether node-gyp-build would find a file under prebuilds/ that this Node can load. */
function prebuildFits() {
  if (!existsSync(join(ROOT, 'prebuilds'))) return false;
  let path;
  try {
    const require = createRequire(import.meta.url);
    path = require('node-gyp-build').resolve(ROOT);
  } catch {
    return false; // none for this platform
  }
  return path !== BUILT && loads(path);
}

/** In a child: an addon of the wrong kind may take its process down. */
function loads(path) {
  const script = 'process.dlopen({ exports: {} }, process.argv[1])';
  return spawnSync(process.execPath, ['-e', script, path], { stdio: 'ignore' }).status === 0;
}

function buildIsCurrent() {
  if (!existsSync(BUILT)) return false;
  const builtMs = statSync(BUILT).mtimeMs;
  const sources = [
    join(ROOT, 'binding.gyp'),
    join(ROOT, 'scripts', 'libopus.mjs'),
    ...filesUnder(join(ROOT, 'native')),
  ];
  return sources.every((path) => statSync(path).mtimeMs <= builtMs) && loads(BUILT);
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(cc|h|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

if (process.argv.includes('--help')) {
  console.log(HELP);
} else if (!prebuildFits() && !buildIsCurrent()) {
  try {
    buildRelease();
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error;
    console.error(`trunkyard: the media engine could not be built: ${error.message}`);
    process.exitCode = 1;
  }
}
