// Identifiers that are minted: their form, their order, their chance.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { epochMs, mintCallId, mintId, mintLegId, seededRandom } from '../../../src/base/index.ts';

const AT = epochMs(1_700_000_000_000);

test('an identifier is its prefix and 32 hex digits', () => {
  const random = seededRandom(1);
  assert.match(mintCallId(AT, random), /^CL[0-9a-f]{32}$/);
  assert.match(mintLegId(AT, random), /^CA[0-9a-f]{32}$/);
});

test('identifiers sort by the moment they were minted', () => {
  const random = seededRandom(2);
  const moments = [0, 1, AT, AT + 1, AT + 86_400_000, 2 ** 44];
  const ids = moments.map((moment) => mintId('CL', epochMs(moment), random));
  assert.equal([...ids].sort(), ids);
});

test('identifiers of one moment differ', () => {
  const random = seededRandom(3);
  const ids = Array.from({ length: 1000 }, () => mintId('CL', AT, random));
  assert.is(new Set(ids).size, ids.length);
});

test('keeps its form whatever the clock says', () => {
  for (const moment of [-1, 0.5, 2 ** 53]) {
    assert.match(mintId('CA', epochMs(moment), seededRandom(4)), /^CA[0-9a-f]{32}$/);
  }
});

test.run();
