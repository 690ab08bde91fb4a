// `npm run bench`: makes the checkout ready as a release would be built, then runs the benches (bench/main.ts) on it.
import { spawn } from 'node:child_process';
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
  });
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
