// Files that are none, and references that name nothing: refused at once, before anything waits or fills memory.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findingText, loadConfig } from '../../../src/config/index.ts';

const test = suite<{ directory: string }>('odd files', { directory: '' });

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'trunkyard-odd-'));
  execFileSync('mkfifo', [join(context.directory, 'pipe')]);
  mkdirSync(join(context.directory, 'folder'));
  symlinkSync('/dev/zero', join(context.directory, 'link'));
  writeFileSync(join(context.directory, 'regular'), 'pass-word\n');
  chmodSync(join(context.directory, 'regular'), 0o600);
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

const NOT_REGULAR = 'it is not a regular file';
const ODD: readonly (readonly [file: string, problem: string])[] = [
  ['/dev/zero', NOT_REGULAR],
  ['link', NOT_REGULAR],
  ['pipe', NOT_REGULAR],
  ['folder', 'it is a directory'],
];

/** The password that this YAML value stands for, or the findings. */
function passwordOf(
  directory: string,
  value: string,
  env: Readonly<Record<string, string>> = {},
): string {
  writeFileSync(
    join(directory, 'node.yaml'),
    `trunks: [{ name: a, auth: { username: u, password: ${value} } }]\n`,
  );
  const result = loadConfig({ path: 'node.yaml', env, directory });
  if (!result.ok) return result.error.map(findingText).join('\n');
  const auth = result.value.settings.trunks[0]?.auth;
  if (auth?.kind !== 'password') throw new Error('the trunk has no password');
  return `password ${auth.password}`;
}

for (const [file, problem] of ODD) {
  test(`refuses ${file} as a secret`, ({ directory }) => {
    const said = passwordOf(directory, `{ file: ${file} }`);
    assert.match(said, /^node\.yaml:1:\d+: error: trunks\[0\]\.auth\.password: /);
    assert.ok(said.includes(problem), said);
  });

  test(`refuses ${file} as the configuration`, ({ directory }) => {
    const flag = loadConfig({ path: file, env: {}, directory });
    const named = loadConfig({ path: null, env: { TRUNKYARD_CONFIG: file }, directory });
    for (const result of [flag, named]) {
      assert.equal(result.ok ? [] : result.error.map(findingText), [
        `${file}: error: can’t be read: ${problem}`,
      ]);
    }
  });
}

test('reads a regular secret and a link to one', ({ directory }) => {
  symlinkSync('regular', join(directory, 'current'));
  assert.is(passwordOf(directory, '{ file: regular }'), 'password pass-word');
  assert.is(passwordOf(directory, '{ file: current }'), 'password pass-word');
});

for (const text of ['${NOPE', '${}', 'a${', '${1X}', '${A-B}', '${A}${', '${ A }']) {
  test(`refuses ${text}: it names no variable`, ({ directory }) => {
    const said = passwordOf(directory, `"${text}"`, { A: 'x', B: 'y', NOPE: 'z' });
    assert.match(said, /^node\.yaml:1:\d+: error: trunks\[0\]\.auth\.password: /);
    assert.match(said, 'without a name');
  });
}

for (const [text, password] of [
  ['$${X}', '${X}'],
  ['${X}', 'from-env'],
  ['a$${X}b${X}', 'a${X}bfrom-env'],
  ['$X', '$X'],
  ['a$${', 'a${'],
  ['p$${w', 'p${w'],
  ['$${}', '${}'],
  ['${ODD}', '${NOPE'],
] as const) {
  test(`takes ${text} for the text ${password}`, ({ directory }) => {
    const env = { X: 'from-env', ODD: '${NOPE' };
    assert.is(passwordOf(directory, `"${text}"`, env), `password ${password}`);
  });
}

test.run();
