// `npm start`: makes the checkout ready, then runs the product in the foreground. Arguments go to `trunkyard serve`,
// signals go to the child, and the child's end is ours, so a service manager sees the program itself.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ROOT, setup } from './setup.mjs';

/** How often we look whether whoever started us is still there. */
const PARENT_LOOK_MS = 500;

const HELP = `usage: npm start [-- OPTIONS]

Installs and builds what is missing, then runs the engine. Without OPTIONS it serves ./trunkyard.yaml, or the
built-in demonstration when there is no such file. OPTIONS are those of \`trunkyard serve\`:

  --config FILE  the configuration to serve
  --help         this text`;

const args = process.argv.slice(2);
if (args.includes('--help')) {
  console.log(HELP);
} else if ((await setup()).length > 0) {
  process.exitCode = 1;
} else {
  serve(args);
}

function serve(extra) {
  const main = join(ROOT, 'dist', 'server', 'main.js');
  const child = spawn(process.execPath, [main, 'serve', ...extra], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole group, so the child has it already; we only must outlive the child.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal));
  }
  // npm ends the shell between us without a word when it is told to stop; the shell's end is the only sign we get.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    console.error('npm is gone: draining');
    child.kill('SIGTERM');
    clearInterval(watch);
  }, PARENT_LOOK_MS);
  watch.unref();
  child.on('error', (error) => {
    console.error(`can't run ${main}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
    // The signal handlers would otherwise keep this process alive.
    process.exit();
  });
}
