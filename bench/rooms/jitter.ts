// The jitter suite: delay against loss of our jitter buffer, of speexdsp's and of the best fixed delay in hindsight, over traces made
// from seeds (bench/native/jitter_quality.cc). Simulated, so a busy machine changes nothing. Also draws the curves.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { machineFacts } from '../machine/facts.ts';
import { buildTools } from '../scenarios/rtp-load.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { plotText } from './jitter-plot.ts';

const FOLDER = fileURLToPath(new URL('../../build/bench/', import.meta.url));
/** Where curves are compared; what quality asks for. */
const LOSSES = [0.002, 0.005, 0.01, 0.02];
/** As speexdsp's buffer is asked; as ours is in a call of two legs, by turns that move; and by whoever hears more than one leg. */
const OURS_LIKE_SPEEX = 'ours@20';
const OURS = 'ours@turn';
const OURS_ON_TICKS = 'ours@10';
const SPEEX = 'speexdsp@20';
/** The best fixed delay of all, and of a listener who asks every 10 ms. */
const HINDSIGHT = 'hindsight';
const HINDSIGHT_ON_TICKS = 'hindsight@10';

export interface Point {
  readonly loss: number;
  readonly delayMs: number;
}
/** Points of one buffer over one trace, by loss. */
export type Curve = readonly Point[];
export type Curves = ReadonlyMap<string, Curve>;

export const jitterSuite: Suite = {
  name: 'jitter',
  summary: 'delay against loss of the jitter buffer; beside speexdsp and the best fixed delay',
  run: ({ quick, say }) => Promise.resolve(runJitterSuite(quick ? 'lan' : null, { say })),
};

/** @param only one trace; null for all. */
export function runJitterSuite(
  only: string | null,
  { say }: Pick<SuiteOptions, 'say'>,
): SuiteReport {
  buildTools(['jitter_quality']);
  const args = ['--csv', ...(only === null ? [] : [only])];
  const csv = execFileSync(join(FOLDER, 'jitter_quality'), args, { encoding: 'utf8' });
  const traces = curvesOf(csv);
  const plot = join(FOLDER, 'jitter.svg');
  writeFileSync(plot, plotText(traces));
  say(`the curves: ${plot}`);
  const perTrace = [...traces].flatMap(([trace, curves]) => [
    ...ratioResult(`jitter.to_hindsight.${trace}`, curves, [OURS, HINDSIGHT]),
    ...ratioResult(`jitter.on_ticks_to_hindsight.${trace}`, curves, [
      OURS_ON_TICKS,
      HINDSIGHT_ON_TICKS,
    ]),
    ...ratioResult(`jitter.to_speexdsp.${trace}`, curves, [OURS_LIKE_SPEEX, SPEEX]),
  ]);
  return {
    suite: 'jitter',
    valid: true,
    machine: machineFacts([]),
    results: [
      ...worst('jitter.worst_to_hindsight', perTrace, 'jitter.to_hindsight.'),
      ...worst('jitter.worst_on_ticks', perTrace, 'jitter.on_ticks_to_hindsight.'),
      ...worst('jitter.worst_to_speexdsp', perTrace, 'jitter.to_speexdsp.'),
      ...perTrace,
    ],
  };
}

/** The curves of each trace. */
export function curvesOf(csv: string): ReadonlyMap<string, Curves> {
  const traces = new Map<string, Map<string, Point[]>>();
  for (const line of csv.trim().split('\n').slice(1)) {
    const [trace = '', buffer = '', , delay, late, madeUp] = line.split(',');
    const loss = Math.max(Number(late), Number(madeUp));
    const curves = traces.get(trace) ?? new Map<string, Point[]>();
    traces.set(trace, curves);
    curves.set(buffer, [...(curves.get(buffer) ?? []), { loss, delayMs: Number(delay) }]);
  }
  for (const curves of traces.values())
    for (const points of curves.values()) points.sort((a, b) => a.loss - b.loss);
  return traces;
}

/** The least delay at which a curve loses no more than a share, between its points too; null when it never loses so little. */
export function delayAt(curve: Curve, loss: number): number | null {
  const within = curve.filter((point) => point.loss <= loss);
  const below = within.at(-1);
  if (below === undefined) return null;
  const least = Math.min(...within.map(({ delayMs }) => delayMs));
  const above = curve.find((point) => point.loss > loss);
  if (above === undefined) return least;
  const part = (loss - below.loss) / (above.loss - below.loss);
  return Math.min(least, below.delayMs + part * (above.delayMs - below.delayMs));
}

/** The largest of the quotients of two curves' delays over the losses compared; none without a common one. */
function ratioResult(
  name: string,
  curves: Curves,
  [upper, lower]: readonly [string, string],
): readonly BenchResult[] {
  const ratios = LOSSES.flatMap((loss) => {
    const ours = delayAt(curves.get(upper) ?? [], loss);
    const theirs = delayAt(curves.get(lower) ?? [], loss);
    return ours === null || theirs === null || theirs <= 0 ? [] : [ours / theirs];
  });
  return ratios.length === 0 ? [] : [{ name, unit: 'x', value: Math.max(...ratios) }];
}

function worst(
  name: string,
  results: readonly BenchResult[],
  prefix: string,
): readonly BenchResult[] {
  const values = results
    .filter((result) => result.name.startsWith(prefix))
    .map(({ value }) => value);
  return values.length === 0 ? [] : [{ name, unit: 'x', value: Math.max(...values) }];
}
