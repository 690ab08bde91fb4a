// What is said of a figure beside its goal.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Goal } from '../../../bench/figures/goals.ts';
import { verdictOf } from '../../../bench/figures/goals.ts';

const RESULT = { name: 'suite.figure', unit: 'ns', value: 100 };
const VALUE: Goal = { of: 'value', better: 'less', must: 100 };
const RATIO: Goal = { of: 'ratio', better: 'less', must: 0.5 };

test('a figure without a goal has no verdict', () => {
  assert.is(verdictOf(RESULT, undefined), null);
});

test('a value reaches its goal when it equals it, on whichever side is better', () => {
  assert.is(verdictOf(RESULT, VALUE), 'reached');
  assert.is(verdictOf({ ...RESULT, value: 100.1 }, VALUE), 'short');
  assert.is(verdictOf({ ...RESULT, value: 99 }, { ...VALUE, better: 'more' }), 'short');
  assert.is(verdictOf({ ...RESULT, value: 101 }, { ...VALUE, better: 'more' }), 'reached');
});

test('a ratio is undecided while its interval holds the goal, and unknown without a peer', () => {
  const told = (low: number, high: number): string | null =>
    verdictOf({ ...RESULT, ratio: (low + high) / 2, ratioInterval: { low, high } }, RATIO);
  assert.is(told(0.3, 0.4), 'reached');
  assert.is(told(0.6, 0.7), 'short');
  assert.is(told(0.4, 0.6), 'undecided');
  assert.is(verdictOf(RESULT, RATIO), 'unknown');
});

test.run();
