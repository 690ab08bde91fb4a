// `npm start` when npm is killed: nobody is left to pass a signal on, and the node must drain all the same. The program itself and
// its build are stand-ins; the script under test is the real one.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const SETUP = `
export const ROOT = process.env.START_ROOT;
export const setup = () => Promise.resolve([]);
`;
/** Says what it is told; ends by itself, so that a failing test leaves nothing behind. */
const MAIN = `
process.on('SIGTERM', () => { console.log('told to drain'); process.exit(0); });
setTimeout(() => { console.log('told nothing'); process.exit(1); }, 4_000);
console.log('serving');
`;

function standIn(root: string): void {
  mkdirSync(join(root, 'scripts'));
  mkdirSync(join(root, 'dist', 'server'), { recursive: true });
  cpSync('scripts/start.mjs', join(root, 'scripts', 'start.mjs'));
  writeFileSync(join(root, 'scripts', 'setup.mjs'), SETUP);
  writeFileSync(join(root, 'dist', 'server', 'main.js'), MAIN);
}

test('drains when whoever ran it was killed without a word', async () => {
  const root = mkdtempSync(join(tmpdir(), 'trunkyard-start-'));
  try {
    standIn(root);
    // The second command keeps the shell from becoming node itself.
    const shell = spawn('sh', ['-c', 'node scripts/start.mjs; true'], {
      cwd: root,
      env: { ...process.env, START_ROOT: root },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said === 'serving\n') shell.kill('SIGKILL');
    });
    // The pipe closes when the last of the family has ended.
    await new Promise((resolve) => shell.stdout.once('close', resolve));
    assert.is(said, 'serving\ntold to drain\n');
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.run();
