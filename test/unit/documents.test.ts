// Documents that people rely on, kept true: links lead somewhere, every package is listed with its licence, and the
// README's commands are where the quick-start test looks for them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandsUnder } from '../support/readme.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const DOCUMENTS = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'THIRD_PARTY.md'],
  ...['src/README.md', 'native/README.md', 'test/README.md', 'bench/README.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

test('every file that a document names in code marks exists', () => {
  const gone = DOCUMENTS.filter((path) => existsSync(join(ROOT, path))).flatMap((path) => {
    const named = [
      ...textOf(path).matchAll(/`((?:src|native|test|bench|scripts|docs|examples)\/[\w./-]+)`/g),
    ];
    return named.flatMap(([, name = '']) =>
      existsSync(join(ROOT, name)) ? [] : [`${path}: ${name}`],
    );
  });
  assert.equal(gone, []);
});

test('every document that the README names is there', () => {
  assert.equal(
    DOCUMENTS.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

test('every package of package.json is listed with its licence, and none that is gone', () => {
  const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;
  const groups = ['dependencies', 'optionalDependencies', 'devDependencies'];
  const wanted = groups.flatMap((group) => Object.keys(manifest[group] ?? {})).sort();
  const listed = [...textOf('THIRD_PARTY.md').matchAll(/^\| (@?[a-z][\w./-]*) \| ([^|]+) \|/gm)]
    .filter(([, name]) => name !== 'package')
    .map(([, name = '']) => name)
    .sort();
  assert.equal(listed, wanted);
});

test('the README tells how to start, call and test in commands that a test can run', () => {
  assert.equal(
    commandsUnder(textOf('README.md'), 'Quick start').map((command) => command.split(' ')[0]),
    ['npm', '(cd', 'curl'],
  );
  assert.equal(commandsUnder(textOf('README.md'), 'Test'), ['npm test']);
});

test.run();
