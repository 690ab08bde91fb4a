#!/usr/bin/env node
// Plays seeds of the simulated world and prints how to play a failing one again.
import { register } from 'tsx/esm/api';

const HELP = `usage: npm run sim -- [--seed N | --seeds FROM-TO] [--calls N] [--budget SECONDS] [--trace]

  --seed N           one seed
  --seeds FROM-TO    a range (default 1-300)
  --calls N          calls in each world (default 8)
  --budget SECONDS   stop after so long, with what was played
  --trace            print the last 30 datagrams of a failing seed (always with --seed)
`;

function readArguments(args) {
  const options = { from: 1, to: 300, calls: 8, budgetS: Infinity, trace: false };
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index];
    if (word === '--help' || word === '-h') {
      process.stdout.write(HELP);
      process.exit(0);
    } else if (word === '--trace') options.trace = true;
    else {
      const value = args[(index += 1)];
      const range = /^(\d+)-(\d+)$/.exec(value ?? '');
      if (word === '--seed' && /^\d+$/.test(value ?? '')) {
        options.from = options.to = Number(value);
        options.trace = true;
      } else if (word === '--seeds' && range !== null) {
        options.from = Number(range[1]);
        options.to = Number(range[2]);
      } else if (word === '--calls' && Number(value) > 0) options.calls = Number(value);
      else if (word === '--budget' && Number(value) > 0) options.budgetS = Number(value);
      else {
        process.stderr.write(`unknown or incomplete: ${word} ${value ?? ''}\n${HELP}`);
        process.exit(64);
      }
    }
  }
  return options;
}

const options = readArguments(process.argv.slice(2));
register();
const { runSeed } = await import('../test/sim/run.ts');
const startedAt = performance.now();
let played = 0;
let failed = 0;
let answered = 0;
for (let seed = options.from; seed <= options.to; seed += 1) {
  if (performance.now() - startedAt > options.budgetS * 1000) break;
  const result = runSeed(seed, options.calls);
  played += 1;
  answered += result.answered;
  if (result.broken.length === 0) continue;
  failed += 1;
  process.stdout.write(`seed ${seed}: ${result.broken.join('; ')}\n`);
  process.stdout.write(`  again: npm run sim -- --seed ${seed} --calls ${options.calls}\n`);
  if (options.trace)
    process.stdout.write(
      `${result.trace
        .slice(-30)
        .map((line) => `  ${line}`)
        .join('\n')}\n`,
    );
}
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  `${answered} calls answered, ${((seconds * 1000) / Math.max(played, 1)).toFixed(1)} ms a seed\n`,
);
process.stdout.write(`${played - failed} passed, ${failed} failed, 0 skipped\n`);
process.exit(failed > 0 || played === 0 ? 1 : 0);
