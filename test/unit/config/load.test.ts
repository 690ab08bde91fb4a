// Which file is loaded, and what is said when it can't be.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEMO_FILE, findingText, loadConfig } from '../../../src/config/index.ts';

const test = suite<{ directory: string }>('load', { directory: '' });

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'trunkyard-config-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

const level = (name: string): string => `log: { level: ${name} }\n`;

interface Where {
  readonly directory: string;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const loadedOf = ({ directory, path, env = {} }: Where): string => {
  const result = loadConfig({ path: path ?? null, env, directory });
  return result.ok
    ? `${result.value.file} ${result.value.settings.log.level}`
    : result.error.map(findingText).join('\n');
};

test('prefers --config to the environment, that to the folder, that to the demonstration', ({
  directory,
}) => {
  const env = { TRUNKYARD_CONFIG: 'env.yaml' };
  assert.is(loadedOf({ directory }), `${DEMO_FILE} info`);
  writeFileSync(join(directory, 'trunkyard.yaml'), level('debug'));
  writeFileSync(join(directory, 'env.yaml'), level('warn'));
  writeFileSync(join(directory, 'flag.yaml'), level('error'));
  assert.is(loadedOf({ directory }), 'trunkyard.yaml debug');
  assert.is(loadedOf({ directory, env: { TRUNKYARD_CONFIG: '' } }), 'trunkyard.yaml debug');
  assert.is(loadedOf({ directory, env }), 'env.yaml warn');
  assert.is(
    loadedOf({ directory, env, path: join(directory, 'flag.yaml') }),
    `${join(directory, 'flag.yaml')} error`,
  );
});

test('refuses a named file that is not there instead of running the demonstration', ({
  directory,
}) => {
  const problem = 'error: can’t be read: there is no such file';
  assert.is(loadedOf({ directory, path: 'gone.yaml' }), `gone.yaml: ${problem}`);
  assert.is(
    loadedOf({ directory, env: { TRUNKYARD_CONFIG: 'gone.yaml' } }),
    `gone.yaml: ${problem}`,
  );
});

test('refuses a folder', ({ directory }) => {
  mkdirSync(join(directory, 'trunkyard.yaml'));
  assert.is(loadedOf({ directory }), 'trunkyard.yaml: error: can’t be read: it is a directory');
});

test('finds secret files beside the configuration and minds their mode', ({ directory }) => {
  mkdirSync(join(directory, 'etc'));
  const path = join('etc', 'node.yaml');
  writeFileSync(
    join(directory, path),
    'trunks: [{ name: a, auth: { username: u, password: { file: pw } } }]\n',
  );
  writeFileSync(join(directory, 'etc', 'pw'), 'secret\n');
  chmodSync(join(directory, 'etc', 'pw'), 0o640);
  const result = loadConfig({ path, env: {}, directory });
  assert.ok(result.ok);
  if (!result.ok) return;
  assert.equal(result.value.settings.trunks[0]?.auth, {
    kind: 'password',
    username: 'u',
    password: 'secret',
  });
  assert.equal(result.value.warnings.map(findingText), [
    'etc/node.yaml:1:52: warning: trunks[0].auth.password: pw: the file’s mode is 0640, so others can use it (allowed: mode 0600 or stricter)',
  ]);
});

test.run();
