// Fuzzes the TypeScript parsers: a seeded, structure-aware mutation loop per target in a child process, which this
// process watches. A finding is a throw outside Result or a broken property, more than 100 ms for one input, or a heap
// that grows; its input is saved under test/fuzz/regressions/ts/<target>/, which every test run replays.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const NAMES = ['framer', 'guard', 'reason', 'sdp'];
const INPUT_MS_MAX = 100;
/** From here on a time is measured again before it is believed. */
const RERUN_MS = 10;
/** A batch is seeded by its number alone, so the one that hangs can be run again input by input. */
const BATCH_INPUTS = 250;
/** A batch takes 40 ms; the rest is for a machine that has other work. */
const HANG_MS = 60_000;
const HEAP_GROWTH_BYTES_MAX = 48 * 1024 * 1024;

const HELP = `usage: node scripts/fuzz.mjs TARGET [--seconds N] [--seed S]
       node scripts/fuzz.mjs --all [--seconds N] [--seed S]

  TARGET       one of: ${NAMES.join(', ')}
  --all        every target, one after the other
  --seconds N  how long to run each (default 5)
  --seed S     32-bit seed (default 1); the same seed makes the same inputs in the same order
  --help       this text

Prints one line a target and ends with "N passed, N failed, N skipped". Exit code 1 on a finding.
`;

function readArguments(argv) {
  const options = { targets: [], seconds: 5, seed: 1, help: false };
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i];
    if (word === '--help') options.help = true;
    else if (word === '--all') options.targets = [...NAMES];
    else if (word === '--seconds' || word === '--seed') {
      const value = Number(argv[(i += 1)]);
      if (!Number.isFinite(value) || value < 0) throw new Error(`${word} needs a number from 0 up`);
      options[word.slice(2)] = value;
    } else if (NAMES.includes(word)) options.targets.push(word);
    else throw new Error(`unknown argument ${word}; see --help`);
  }
  return options;
}

function save(name, input) {
  const folder = join(ROOT, 'test/fuzz/regressions/ts', name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`);
  writeFileSync(file, input);
  return file.slice(ROOT.length + 1);
}

/** Runs one child; resolves to its last report, or to `{ hang: batch }` when it fell silent and was ended. */
function runChild(name, order) {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), [], {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      env: { ...process.env, TRUNKYARD_FUZZ_CHILD: JSON.stringify({ name, ...order }) },
      cwd: ROOT,
    });
    let last = { kind: 'died', batch: -1 };
    let timer;
    const arm = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        last = { kind: 'hang', batch: last.batch ?? -1 };
        child.kill('SIGKILL');
      }, HANG_MS);
    };
    arm();
    child.on('message', (report) => {
      last = report;
      arm();
    });
    child.on('exit', () => {
      clearTimeout(timer);
      resolve(last.kind === 'batch' ? { kind: 'died', batch: last.batch } : last);
    });
  });
}

/** Runs the batch again that hung or killed the process, each input written to a file before it is tried. */
async function locate(name, seed, batch) {
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-fuzz-'));
  const file = join(folder, 'input');
  try {
    const report = await runChild(name, { seed, seconds: 0, batch, file });
    if (report.kind === 'finding') return report;
    return existsSync(file)
      ? { input: readFileSync(file).toString('latin1'), why: report.kind }
      : null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fuzz(name, { seconds, seed }) {
  const report = await runChild(name, { seed, seconds });
  if (report.kind === 'done') {
    process.stdout.write(
      `${name}: ${report.inputs} inputs, seed ${seed}, slowest ${report.slowestMs.toFixed(1)} ms, no finding\n`,
    );
    return true;
  }
  const found = report.kind === 'finding' ? report : await locate(name, seed, report.batch);
  // The batch ran through the second time: the machine stood still, not we. What came before it counts.
  if (found?.why === 'done') {
    process.stdout.write(
      `${name}: stopped by the machine at batch ${report.batch}, seed ${seed}\n`,
    );
    return false;
  }
  const where =
    found?.input === undefined
      ? 'no input could be saved'
      : save(name, Buffer.from(found.input, 'latin1'));
  process.stdout.write(
    `${name}: FINDING (${report.kind}, seed ${seed}, batch ${report.batch}): ${found?.why ?? 'unknown'}\n  ${where}\n`,
  );
  return false;
}

// ---- The child ----

function readSeeds(target) {
  return target.seedFolders.flatMap((folder) => {
    const path = join(ROOT, folder);
    return existsSync(path)
      ? readdirSync(path)
          .sort()
          .map((file) => readFileSync(join(path, file)))
      : [];
  });
}

/** The shortest of three runs by our own CPU time: on a shared machine a clock on the wall proves nothing. */
function leastMs(run) {
  let least = Infinity;
  for (let i = 0; i < 3; i += 1) {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1e3);
  }
  return least;
}

async function childMain(order) {
  const load = (path) => import(pathToFileURL(join(ROOT, path)).href);
  const { TARGETS, mutate } = await load('test/fuzz/targets/index.ts');
  const { seededRandom } = await load('src/base/index.ts');
  const target = TARGETS.get(order.name);
  const seeds = readSeeds(target);
  const endAt = Date.now() + order.seconds * 1000;
  let slowestMs = 0;
  let heapBytes = 0;
  let batch = order.batch ?? 0;
  for (
    ;
    order.batch !== undefined ? batch === order.batch : batch === 0 || Date.now() < endAt;
    batch += 1
  ) {
    process.send({ kind: 'batch', batch });
    const random = seededRandom((Math.imul(order.seed, 0x9e3779b1) ^ batch) >>> 0);
    for (let i = 0; i < BATCH_INPUTS; i += 1) {
      // The unchanged seeds come first: a target that fails on those is broken, not the parser.
      const input =
        batch === 0 && i < seeds.length ? seeds[i] : mutate(seeds, target, () => random.draw());
      if (order.file !== undefined) writeFileSync(order.file, input);
      const drawSeed = Math.floor(random.draw() * 2 ** 32);
      const run = () => {
        const draws = seededRandom(drawSeed);
        target.run(input, () => draws.draw());
      };
      const finding = tryInput(run);
      slowestMs = Math.max(slowestMs, finding.ms);
      if (finding.why !== null) {
        process.send(
          { kind: 'finding', batch, why: finding.why, input: input.toString('latin1') },
          () => process.exit(1),
        );
        return;
      }
    }
    if (batch % 20 === 4) {
      globalThis.gc();
      const used = process.memoryUsage().heapUsed;
      if (heapBytes === 0) heapBytes = used;
      if (used - heapBytes > HEAP_GROWTH_BYTES_MAX) {
        process.send(
          { kind: 'finding', batch, why: `the heap grew by ${used - heapBytes} bytes` },
          () => process.exit(1),
        );
        return;
      }
    }
  }
  process.send({ kind: 'done', batch, inputs: batch * BATCH_INPUTS, slowestMs }, () =>
    process.exit(0),
  );
}

function tryInput(run) {
  const start = process.hrtime.bigint();
  try {
    run();
    let ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (ms > RERUN_MS) ms = leastMs(run);
    return { why: ms > INPUT_MS_MAX ? `took ${ms.toFixed(0)} ms` : null, ms };
  } catch (error) {
    return { why: error instanceof Error ? (error.stack ?? error.message) : String(error), ms: 0 };
  }
}

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help || options.targets.length === 0) {
    process.stdout.write(HELP);
    process.exitCode = options.help ? 0 : 2;
    return;
  }
  let passed = 0;
  for (const name of options.targets) if (await fuzz(name, options)) passed += 1;
  const failed = options.targets.length - passed;
  process.stdout.write(`${passed} passed, ${failed} failed, 0 skipped\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (process.env.TRUNKYARD_FUZZ_CHILD !== undefined)
  await childMain(JSON.parse(process.env.TRUNKYARD_FUZZ_CHILD));
else await main();
