// The generated pages say what the code does.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const SCRIPT = fileURLToPath(new URL('../../../scripts/gen-docs.mjs', import.meta.url));

function run(...args: readonly string[]): {
  readonly status: number | null;
  readonly text: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

test('finds docs/config.md and docs/errors.md as the schema and the catalogue have them', () => {
  assert.equal(run('--check'), { status: 0, text: '' });
});

test('explains itself and refuses what it does not know', () => {
  const help = run('--help');
  assert.is(help.status, 0);
  assert.match(help.text, /Usage: node scripts\/gen-docs\.mjs/);
  assert.is(run('--chekc').status, 64);
});

test.run();
