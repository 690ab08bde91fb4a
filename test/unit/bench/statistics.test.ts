// Medians and their intervals.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { median, medianInterval } from '../../../bench/figures/statistics.ts';

test('takes the middle of an odd number of values and the mean of the two middle ones of an even number', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([10, 1, 2, 3]), 2.5);
  assert.is(median([7]), 7);
});

test('has no median without values', () => {
  assert.throws(() => median([]), /no values/);
});

test('gives equal values an interval without width', () => {
  assert.equal(medianInterval([0.5, 0.5, 0.5, 0.5, 0.5]), { low: 0.5, high: 0.5 });
});

test('gives the same interval for the same values, around their median and within them', () => {
  const values = [0.41, 0.44, 0.43, 0.47, 0.42, 0.45, 0.4];
  const interval = medianInterval(values);
  assert.equal(interval, medianInterval(values));
  assert.ok(interval.low >= 0.4 && interval.low <= median(values));
  assert.ok(interval.high <= 0.47 && interval.high >= median(values));
});

test.run();
