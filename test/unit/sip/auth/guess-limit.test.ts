// Waits after wrong passwords: when they begin, how they grow, when they end, and that their table stays small.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { epochMs } from '../../../../src/base/index.ts';
import type { EpochMs } from '../../../../src/base/index.ts';
import { GuessLimit, GUESSES_MAX } from '../../../../src/sip/auth/guess-limit.ts';

const at = (ms: number): EpochMs => epochMs(1_700_000_000_000 + ms);

/** A limit on which `key` has guessed so often, all at once. */
function guessed(times: number, key = 'a'): GuessLimit {
  const limit = new GuessLimit();
  for (let i = 0; i < times; i += 1) limit.wrong(at(0), key);
  return limit;
}

/** How long `key` is blocked after a guess at 0, in milliseconds. */
function waitOf(limit: GuessLimit, key = 'a'): number {
  let [low, high] = [0, 1_000_000];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (limit.isBlocked(at(middle), key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

test('waits begin with the tenth wrong answer, double with each further one and end at five minutes', () => {
  assert.is(waitOf(guessed(GUESSES_MAX - 1)), 0);
  const waits = Array.from(
    { length: 10 },
    (_, more) => waitOf(guessed(GUESSES_MAX + more)) / 1_000,
  );
  assert.equal(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  assert.is(waitOf(guessed(5_000)), 300_000);
});

test('a right answer ends the row, and so does a quarter of an hour of silence', () => {
  const limit = guessed(GUESSES_MAX + 3);
  limit.right('a');
  limit.wrong(at(0), 'a');
  assert.is(waitOf(limit), 0);

  const silent = guessed(GUESSES_MAX + 3);
  silent.wrong(at(899_999), 'a');
  assert.ok(silent.isBlocked(at(900_000), 'a'));
  const longer = guessed(GUESSES_MAX + 3);
  longer.wrong(at(900_000), 'a');
  assert.not.ok(longer.isBlocked(at(900_001), 'a'));
});

test('a clock that is set back makes no wait longer than the longest', () => {
  const limit = guessed(GUESSES_MAX);
  assert.not.ok(limit.isBlocked(at(-3_600_000), 'a'));
});

test('keys tell source and name apart, whatever stands in them', () => {
  const limit = new GuessLimit();
  assert.is.not(limit.keyOf('a', 'b'), limit.keyOf('a', 'c'));
  assert.is.not(limit.keyOf('a', 'b'), limit.keyOf('c', 'b'));
  assert.is(limit.keyOf('a', 'x'.repeat(60_000)).length, 43);
});

test('of more than ten thousand guessers the longest silent is forgotten', () => {
  const limit = guessed(GUESSES_MAX);
  for (let i = 0; i < 9_999; i += 1) limit.wrong(at(0), `b${i}`);
  assert.ok(limit.isBlocked(at(1), 'a'));
  limit.wrong(at(0), 'a');
  limit.wrong(at(0), 'one more');
  assert.ok(limit.isBlocked(at(1), 'a'), 'who has guessed just now is not');
  for (let i = 0; i < 10_000; i += 1) limit.wrong(at(0), `c${i}`);
  assert.not.ok(limit.isBlocked(at(1), 'a'));
});

test.run();
