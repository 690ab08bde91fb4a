// What the suites read of the programs of single rooms, and of the engine's own histogram.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quantileUs } from '../../../bench/figures/relay-times.ts';
import { countLines } from '../../../bench/rooms/counts.ts';
import { plotText } from '../../../bench/rooms/jitter-plot.ts';
import { curvesOf, delayAt } from '../../../bench/rooms/jitter.ts';
import { RELAY_TIME_BOUNDS_US } from '../../../src/engine/index.ts';

test('A28 a quantile lies within its bucket, and beyond the last bound it is that bound', () => {
  const counts: number[] = [...RELAY_TIME_BOUNDS_US, 0].map(() => 0);
  assert.is(quantileUs(null, 0.5), null);
  assert.is(quantileUs({ counts, sumUs: 0 }, 0.5), null);
  // All in the second bucket, 5 to 7 us.
  assert.is(quantileUs({ counts: counts.with(1, 10), sumUs: 60 }, 0.5), 6);
  assert.is(quantileUs({ counts: counts.with(1, 10), sumUs: 60 }, 1), 7);
  assert.is(
    quantileUs({ counts: counts.with(-1, 3), sumUs: 9e5 }, 0.5),
    RELAY_TIME_BOUNDS_US.at(-1),
  );
});

test('counts are read in order, their names made fit for a figure and kept apart', () => {
  const printed =
    'count\tdrift+200\t5000\nsomething else\ncount\tdrift-200\t10\ncount\ta, 8 kHz\t2\n';
  assert.equal(countLines(printed), [
    { name: 'drift+200', units: 5000 },
    { name: 'drift-200', units: 10 },
    { name: 'a_8_kHz', units: 2 },
  ]);
});

const CSV = [
  'trace,buffer,setting,delay_ms,late_share,made_up_share,hindsight_ms',
  'lan,ours@10,200,8.00,0.00200,0.00100,6.00',
  'lan,ours@10,500,6.00,0.00400,0.00600,5.00',
  'lan,speexdsp@20,1/0,12.00,0.00400,0.00000,5.50',
  'lan,hindsight,0.002,5.90,0.00200,0.00000,5.90',
].join('\n');

test('a curve has the larger of both losses, and all of them are drawn', () => {
  const curves = curvesOf(CSV).get('lan');
  assert.equal(curves?.get('ours@10'), [
    { loss: 0.002, delayMs: 8 },
    { loss: 0.006, delayMs: 6 },
  ]);
  assert.equal(curves?.get('hindsight'), [{ loss: 0.002, delayMs: 5.9 }]);
  assert.match(plotText(curvesOf(CSV)), /^<svg [\s\S]*lan[\s\S]*<polyline[\s\S]*<\/svg>\n$/);
});

test('a delay is taken between two points, at the end of a curve from its last, before its first from none', () => {
  const curve = [
    { loss: 0.002, delayMs: 8 },
    { loss: 0.006, delayMs: 6 },
  ];
  assert.is(delayAt(curve, 0.001), null);
  assert.is(delayAt(curve, 0.002), 8);
  assert.is(delayAt(curve, 0.004), 7);
  assert.is(delayAt(curve, 0.5), 6);
  assert.is(delayAt([], 0.5), null);
});

test.run();
