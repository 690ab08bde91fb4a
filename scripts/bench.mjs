// `npm run bench`: makes the checkout ready as a release would be built, then runs the benches (bench/main.ts) on it.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ROOT, setup } from './setup.mjs';

const args = process.argv.slice(2);
// Asking what there is, and comparing files, must not wait for a build.
const needsBuild = args.length > 0 && !['--help', 'list', 'compare'].includes(args[0]);
const problems = needsBuild ? await setup({ log: console.error }) : [];
if (problems.length > 0) {
  process.exitCode = 1;
} else {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    detached: true,
  });
  goFirst(child.pid);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`the benches can't be run: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
    process.exit();
  });
}

/**
 * Lets a session of its own (`detached`) go before others where the kernel shares CPUs out by session and we may say so:
 * what other users of the machine do then disturbs less. On a quiet machine it changes nothing.
 */
function goFirst(pid) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '-19');
  } catch {
    // Not root, or a kernel without sessions: the run's own checks say whether it was disturbed.
  }
}
