// The search for the highest clean rate.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { searchRate } from '../../../bench/scenarios/rate-search.ts';

const SEARCH = { firstRate: 400, coarse: 400, fine: 100, rateMax: 3_000 };

async function search(limit: number): Promise<{ rate: number; asked: number[] }> {
  const asked: number[] = [];
  const rate = await searchRate(SEARCH, async (step) => {
    asked.push(step);
    return step <= limit ? 'clean' : 'failed';
  });
  return { rate, asked };
}

test('goes up in coarse steps until one fails, then in fine ones from the last clean one', async () => {
  assert.equal(await search(1_350), { rate: 1_300, asked: [400, 800, 1_200, 1_600, 1_300, 1_400] });
});

test('does not try a rate again that is known to fail', async () => {
  assert.equal(await search(1_550), {
    rate: 1_500,
    asked: [400, 800, 1_200, 1_600, 1_300, 1_400, 1_500],
  });
});

test('looks below the first rate when that fails', async () => {
  assert.equal(await search(200), { rate: 200, asked: [400, 100, 200, 300] });
});

test('answers 0 when no rate is clean', async () => {
  assert.equal(await search(0), { rate: 0, asked: [400, 100] });
});

test('ends at the highest rate it may try', async () => {
  assert.is((await search(10_000)).rate, 3_000);
});

test.run();
