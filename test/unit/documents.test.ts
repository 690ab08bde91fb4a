// Documents that people rely on, kept true: links lead somewhere, every package is listed with its licence, and the
// README's commands are where the quick-start test looks for them, and what the conformance tables say is proved by tests that
// exist.
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

/** A test's name as a pattern: what stands for a table's values matches anything. */
function patternOf(name: string): RegExp {
  const parts = name.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/);
  const literal = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.+')}$`);
}

/** Names of all tests: what the first argument of a call is in TypeScript, of TEST in C++. */
function testNames(): readonly string[] {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  return files.flatMap((path) => {
    if (path.endsWith('.test.ts')) {
      const calls = textOf(join('test', path)).matchAll(/\b\w+\(\s*(['"`])((?:(?!\1).)+)\1,/g);
      return [...calls].map(([, , name = '']) => name);
    }
    if (!path.endsWith('_test.cc')) return [];
    const calls = textOf(join('test', path)).matchAll(/\bTEST\(\s*((?:"[^"]*"\s*)+)\)/g);
    return [...calls].map(([, texts = '']) => texts.replace(/"\s*"/g, '').trim().slice(1, -1));
  });
}

for (const path of ['docs/sip-conformance.md', 'docs/rtcp.md']) {
  test(`every test that ${path} names exists`, () => {
    const known = testNames();
    const patterns = known.filter((name) => name.includes('${')).map(patternOf);
    const rows = textOf(path)
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const [head = '', ...proved] = rows.map((row) => row.split(/(?<!\\) \| /).at(-1) ?? '');
    assert.match(head, 'test');
    const named = proved.flatMap((cell) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    assert.ok(named.length > proved.length / 2, 'the last column names tests');
    const gone = named.filter(
      (name) =>
        !existsSync(join(ROOT, name)) &&
        !known.includes(name) &&
        !patterns.some((pattern) => pattern.test(name)),
    );
    assert.equal(gone, []);
  });
}

test('the README tells how to start, call and test in commands that a test can run', () => {
  assert.equal(
    commandsUnder(textOf('README.md'), 'Quick start').map((command) => command.split(' ')[0]),
    ['npm', '(cd', 'curl'],
  );
  assert.equal(commandsUnder(textOf('README.md'), 'Test'), ['npm test']);
});

test.run();
