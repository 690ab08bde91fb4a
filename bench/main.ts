// The command line of the benches: runs a suite, prints its table, writes its JSON, keeps the baseline, compares.
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { comparisonText, judged, reportText } from './figures/report.ts';
import { acceptReport, readReports, writeReport } from './figures/report-file.ts';
import { callsSuite } from './scenarios/calls.ts';
import { memorySuite } from './scenarios/memory.ts';
import { mixSuite } from './scenarios/mix.ts';
import { relaySuite } from './scenarios/relay.ts';
import { relayBpfSuite } from './scenarios/relay-bpf.ts';
import { srtpSuite } from './scenarios/srtp.ts';
import { transcodeSuite } from './scenarios/transcode.ts';
import { controlSuite } from './control/suite.ts';
import { countsSuite } from './rooms/counts.ts';
import { jitterSuite } from './rooms/jitter.ts';
import type { Suite } from './suite.ts';

const SUITES: readonly Suite[] = [
  relaySuite,
  relayBpfSuite,
  srtpSuite,
  transcodeSuite,
  mixSuite,
  memorySuite,
  jitterSuite,
  callsSuite,
  controlSuite,
  countsSuite,
];
const BASELINE = join(fileURLToPath(new URL('.', import.meta.url)), 'baseline.json');

const EXIT = { ok: 0, invalidRun: 1, usage: 64 } as const;

const HELP = `usage: npm run bench -- SUITE [--quick] [--json FILE] [--accept]
       npm run bench -- list
       npm run bench -- compare BEFORE AFTER

  --quick      a short run that shows that everything works; its figures are rough
  --json FILE  also write the report as JSON
  --accept     put the report into bench/baseline.json
  compare      two files that --json wrote, or bench/baseline.json
  --help       this text

A run that says more about the load, the machine or its other users than about the program prints
no figures but the reason, and ends with 1. What each figure means stands in bench/README.md.`;

async function runSuite(
  suite: Suite,
  options: { readonly quick: boolean; readonly accept: boolean; readonly json: string | undefined },
): Promise<number> {
  const report = judged(
    await suite.run({ quick: options.quick, say: (line) => console.error(line) }),
  );
  console.log(reportText(report));
  if (options.json !== undefined) writeReport(options.json, report);
  if (report.valid && options.accept) acceptReport(BASELINE, report);
  return report.valid ? EXIT.ok : EXIT.invalidRun;
}

function compare(beforePath: string, afterPath: string): number {
  const before = readReports(beforePath);
  const after = readReports(afterPath);
  const shared = [...after].filter(([suite]) => before.has(suite));
  for (const [suite, report] of shared) {
    const old = before.get(suite);
    if (old !== undefined) console.log(`${suite}\n${comparisonText(old, report)}`);
  }
  if (shared.length === 0) console.error('the two files have no suite in common');
  return shared.length === 0 ? EXIT.usage : EXIT.ok;
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      accept: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [word, ...rest] = positionals;
  if (values.help || word === undefined) {
    console.log(HELP);
    return values.help ? EXIT.ok : EXIT.usage;
  }
  if (word === 'list') {
    for (const { name, summary } of SUITES) console.log(`${name.padEnd(10)}${summary}`);
    return EXIT.ok;
  }
  const [before, after] = rest;
  if (word === 'compare' && before !== undefined && after !== undefined)
    return compare(before, after);
  const suite = SUITES.find(({ name }) => name === word);
  if (suite === undefined || rest.length > 0) {
    console.error(`${positionals.join(' ')}: not understood; see npm run bench -- --help`);
    return EXIT.usage;
  }
  if (values.accept && values.quick) {
    console.error('a quick run can’t be accepted: its figures are rough');
    return EXIT.usage;
  }
  return runSuite(suite, { quick: values.quick, accept: values.accept, json: values.json });
}

// Children are ended when this process ends; a signal must end it in the ordinary way.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(1));

process.exitCode = await main(process.argv.slice(2));
