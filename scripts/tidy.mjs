// Checks the rules of the house that no compiler knows: who may import whom, which words are reserved to which room,
// file sizes, and that nothing is left half done. The rules stand in layers.json as data and in tidy/rules.mjs.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkChange,
  checkFinished,
  checkLayers,
  checkOpening,
  checkPlaces,
  checkReserved,
  checkRoomList,
  checkSize,
  checkTestRuns,
} from './tidy/rules.mjs';
import { readCpp, readPlain, readTypeScript } from './tidy/source.mjs';

const HELP = `usage: node scripts/tidy.mjs [--change] [--root FOLDER]

Checks imports between rooms, reserved powers, file sizes, unfinished code and the room list.
Each line of output is  file:line: rule: what is wrong and what to do instead.

  --change       also ask that a change of src or native touches CHANGELOG.md (against the previous commit)
  --root FOLDER  check another tree, with its own scripts/layers.json
  --help         this text`;

const SKIPPED_FOLDERS = new Set([
  'node_modules',
  'build',
  'dist',
  'prebuilds',
  'data',
  'coverage',
  '.git',
  'golden',
  'corpus',
  'regressions',
]);
const CODE = /\.(ts|mjs)$/;
const CPP = /\.(cc|h)$/;
const PROSE = /\.(md|json|yaml|yml|xml|gyp|txt)$/;

/** @returns {import('./tidy/rules.mjs').Finding[]} */
export function tidyTree(root) {
  const layers = JSON.parse(readFileSync(join(root, 'scripts', 'layers.json'), 'utf8'));
  const findings = [];
  for (const source of sourcesOf(root)) {
    findings.push(...checkPlaces(source));
    if (source.code === '') continue;
    findings.push(
      ...checkSize(source, layers),
      ...checkFinished(source),
      ...checkLayers(source, layers),
      ...checkReserved(source, layers),
    );
    if (!layers.files.generated.includes(source.path)) findings.push(...checkOpening(source));
    findings.push(...checkTestRuns(source));
  }
  const readmePath = join(root, 'src', 'README.md');
  const rooms = readdirSync(join(root, 'src'), { withFileTypes: true });
  const folders = rooms.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const readme = existsSync(readmePath) ? readFileSync(readmePath, 'utf8') : '';
  findings.push(...checkRoomList(readPlain('src/README.md', readme), folders));
  return findings;
}

function* sourcesOf(root, folder = root) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) yield* sourcesOf(root, path);
      continue;
    }
    const name = relative(root, path).split(sep).join('/');
    const read = CODE.test(name)
      ? readTypeScript
      : CPP.test(name)
        ? readCpp
        : PROSE.test(name)
          ? readPlain
          : null;
    if (read !== null) yield read(name, readFileSync(path, 'utf8'));
  }
}

/** Paths that differ between the work tree and the previous commit; none when there is no previous one. */
function changedPaths(root) {
  const git = (...args) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return git('diff', '--name-only', 'HEAD~1').split('\n').filter(Boolean);
  } catch {
    // The first commit, or a shallow clone: there is nothing to compare with.
    return [];
  }
}

function main(args) {
  if (args.includes('--help')) {
    console.log(HELP);
    return;
  }
  const rootAt = args.indexOf('--root');
  const root =
    rootAt === -1 ? join(dirname(fileURLToPath(import.meta.url)), '..') : args[rootAt + 1];
  const findings = [
    ...tidyTree(root),
    ...(args.includes('--change') ? checkChange(changedPaths(root)) : []),
  ];
  for (const { path, line, rule, message } of findings)
    console.log(`${path}:${line}: ${rule}: ${message}`);
  if (findings.length > 0) {
    console.log(`\n${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`);
    process.exitCode = 1;
  }
}

main(process.argv.slice(2));
