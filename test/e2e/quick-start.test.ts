// needs: sipp
// limit: 600s
// The README's quick start as a newcomer types it: start, call, look at the record. And each example's configuration.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startProgram } from '../support/child.ts';
import { until } from '../support/loopback.ts';
import { processTree, sendSignal } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { commandsUnder } from '../support/readme.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const DEMONSTRATION_URL = 'http://127.0.0.1:8080';
/** The set-up was done by the runner; alone, it may have to build everything. */
const START_LIMIT_MS = 400_000;

function shell(command: string): { readonly status: number | null; readonly output: string } {
  const result = spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
  return { status: result.status, output: result.stdout + result.stderr };
}

/** The demonstration as `npm start` runs it; ended with all its processes, however the body ends. */
async function withDemonstration(command: string, body: () => Promise<void>): Promise<void> {
  const program = startProgram('sh', ['-c', command], { cwd: ROOT });
  const early = program.ended.then(({ output }) => {
    throw new Error(`it ended by itself; it printed:\n${output}`);
  });
  const ready = until(async () => (await fetch(`${DEMONSTRATION_URL}/readyz`)).ok, {
    what: 'the demonstration is ready',
    limitMs: START_LIMIT_MS,
    everyMs: 250,
  });
  try {
    await Promise.race([early, ready.then(body)]);
    early.catch(() => undefined);
    // A shell and npm stand between: the signal goes to the program, and its exit code must come back through both.
    const served = processTree(program.pid).find(({ command: words }) =>
      /^\S*node \S*scripts\/start\.mjs/.test(words),
    );
    if (served === undefined) throw new Error('scripts/start.mjs is among the processes');
    process.kill(served.pid, 'SIGTERM');
    const end = await program.ended;
    assert.is(end.code, 0, end.output);
  } finally {
    early.catch(() => undefined);
    for (const { pid } of processTree(program.pid)) sendSignal(pid, 'SIGKILL');
  }
}

test('the README’s commands start the demonstration, place a call with echoed audio and show its record', async () => {
  const own = join(ROOT, 'trunkyard.yaml');
  assert.not(existsSync(own), `${own} would be served in place of the demonstration`);
  const another = await fetch(`${DEMONSTRATION_URL}/healthz`).then(
    () => true,
    () => false,
  );
  assert.not(another, `another program has the demonstration's address ${DEMONSTRATION_URL}`);
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [start = '', call = '', look = ''] = commandsUnder(readme, 'Quick start');
  await withDemonstration(start, async () => {
    const since = new Date().toISOString();
    const called = shell(call);
    assert.is(called.status, 0, called.output);
    assert.ok(look.includes(`${DEMONSTRATION_URL}/v1/cdrs`), look);
    const cdr = await until(
      async () => {
        const answer = await fetch(`${DEMONSTRATION_URL}/v1/cdrs?from=${since}`);
        const { cdrs } = (await answer.json()) as { cdrs: Record<string, number | string>[] };
        return cdrs.at(-1);
      },
      { what: 'the record of the call', limitMs: 10_000 },
    );
    assert.is(cdr['called'], '9196');
    assert.is(cdr['final_status'], 200);
    // Three seconds of 50 packets each; what came in went back.
    assert.ok(Number(cdr['packets_received']) > 100, JSON.stringify(cdr));
    assert.ok(Number(cdr['packets_sent']) > 100, JSON.stringify(cdr));
  });
});

for (const folder of readdirSync(join(ROOT, 'examples'))) {
  const path = join(ROOT, 'examples', folder, 'trunkyard.yaml');
  if (!existsSync(path)) continue;
  test(`the configuration of examples/${folder} is free of errors`, () => {
    const { status, output } = shell(`node ${PROGRAM.join(' ')} config check --config ${path}`);
    assert.is(status, 0, output);
  });
}

test.run();
