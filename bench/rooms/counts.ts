// The counts suite: instructions a packet or frame of the hot rooms, by callgrind with AVX2. Unlike times they are the same from run
// to run, so what differs from the accepted figures is a change of the code (or of the compiler or its libraries).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { readReports } from '../figures/report-file.ts';
import { machineFacts } from '../machine/facts.ts';
import { findProgram } from '../machine/programs.ts';
import { buildTools } from '../scenarios/rtp-load.ts';
import type { Suite, SuiteOptions } from '../suite.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BASELINE = join(ROOT, 'bench/baseline.json');
/** Share by which a count may differ from the accepted one: what addresses of memory and the time of day make of it. */
const TOLERANCE = 0.002;

interface Program {
  /** The room, or the rooms, as figures are named by. */
  readonly room: string;
  readonly program: string;
  readonly args: readonly string[];
}

const PROGRAMS: readonly Program[] = [
  { room: 'leg', program: 'leg_bench', args: ['--count'] },
  { room: 'srtp', program: 'srtp_bench', args: ['--count'] },
  { room: 'jitter', program: 'jitter_bench', args: ['--count'] },
  { room: 'codec', program: 'codec_bench', args: ['--count', 'avx2'] },
  { room: 'mixer', program: 'mix_bench', args: ['--count', 'avx2'] },
  { room: 'audio', program: 'audio_bench', args: ['--count'] },
];
const QUICK = new Set(['leg', 'jitter']);

export const countsSuite: Suite = {
  name: 'counts',
  summary: 'instructions a packet or frame of the hot rooms, by callgrind',
  run: ({ quick, say }) =>
    Promise.resolve(runCountsSuite(quick ? (room) => QUICK.has(room) : () => true, { say })),
};

/** @param wanted which rooms to count. */
export function runCountsSuite(
  wanted: (room: string) => boolean,
  { say }: Pick<SuiteOptions, 'say'>,
): SuiteReport {
  const machine = machineFacts([]);
  const valgrind = findProgram('valgrind');
  if (valgrind === null) {
    const invalidReason = 'valgrind is not installed';
    return { suite: 'counts', valid: false, invalidReason, machine, results: [] };
  }
  const programs = PROGRAMS.filter(({ room }) => wanted(room));
  buildTools(programs.map(({ program }) => program));
  const results = programs.flatMap((program) => count(valgrind, program));
  for (const line of changes(results)) say(line);
  return { suite: 'counts', valid: true, machine, results };
}

function count(valgrind: string, { room, program, args }: Program): readonly BenchResult[] {
  const folder = mkdtempSync(join(tmpdir(), 'counts-'));
  try {
    const options = [
      '--tool=callgrind',
      '--collect-atstart=no',
      `--callgrind-out-file=${join(folder, 'out')}`,
    ];
    const printed = execFileSync(
      valgrind,
      [...options, join(ROOT, 'build/bench', program), ...args],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const lines = countLines(printed);
    const totals = dumpTotals(folder);
    return lines.map(({ name, units }, index) => {
      const total = totals[index];
      if (total === undefined) throw new Error(`${program} has no dump for ${name}`);
      return { name: `counts.${room}.${name}`, unit: 'instructions', value: total / units };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a program says it has counted, in order: name and number of packets or frames. */
export function countLines(
  printed: string,
): readonly { readonly name: string; readonly units: number }[] {
  return [...printed.matchAll(/^count\t([^\t]+)\t(\d+)$/gm)].map(([, name = '', units]) => ({
    name: name.replaceAll(/[^A-Za-z0-9+-]+/g, '_'),
    units: Number(units),
  }));
}

/** Instructions of each dump that callgrind has written, in order. */
function dumpTotals(folder: string): readonly number[] {
  return readdirSync(folder)
    .map((file) => ({ file, number: Number(/^out\.(\d+)$/.exec(file)?.[1]) }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => a.number - b.number)
    .map(({ file }) =>
      Number(/^(?:totals|summary): (\d+)/m.exec(readFileSync(join(folder, file), 'latin1'))?.[1]),
    );
}

/** A line for each count that isn't what was accepted. */
function changes(results: readonly BenchResult[]): readonly string[] {
  const accepted = readReports(BASELINE).get('counts')?.results ?? [];
  return results.flatMap(({ name, value }) => {
    const before = accepted.find((result) => result.name === name)?.value;
    if (before === undefined || Math.abs(value / before - 1) <= TOLERANCE) return [];
    const share = (100 * (value / before - 1)).toFixed(1);
    return [
      `${name}: ${value.toFixed(0)} instructions, accepted were ${before.toFixed(0)} (${share} %)`,
    ];
  });
}
