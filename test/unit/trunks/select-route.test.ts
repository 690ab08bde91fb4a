// Dialled number to route: longest prefix, exact numbers, rewriting.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../src/base/index.ts';
import type { RouteSettings } from '../../../src/config/index.ts';
import { book, choiceText, route, trunkSettings } from './build.ts';

const TRUNKS = ['a', 'b', 'c'].map((name) =>
  trunkSettings(name, { gateways: [{ uri: `sip:${name}.example` }] }),
);

const BOOK = book({
  trunks: TRUNKS,
  routes: [
    route({ prefix: '44', trunks: ['a'] }),
    route({ prefix: '4420', trunks: ['b', 'a'] }),
    route({ prefix: '0', strip: 1, add: '+44', trunks: ['a'] }),
    route({ prefix: '00', strip: 2, add: '', trunks: ['c'] }),
    route({ prefix: '*31#', strip: 4, trunks: ['c'] }),
    route({ prefix: '112', strip: 0, add: '9', trunks: ['b'] }),
    route({ number: '9196', destination: 'echo' }),
    route({ number: 'echo', destination: 'echo' }),
    route({ number: 'front-desk', strip: 64, add: '+442071234567', trunks: ['a'] }),
    route({ number: '+44201', trunks: ['c'] }),
  ],
});

const select = (dialled: string): string => {
  const result = BOOK.selectRoute(dialled);
  return result.ok ? choiceText(result.value) : `${result.error.code}: ${result.error.message}`;
};

const CASES: readonly (readonly [dialled: string, choice: string])[] = [
  ['441234', 'a 441234'],
  ['+441234', 'a +441234'],
  ['+44 (0) 20', 'a +44020'],
  ['44207', 'b,a 44207'],
  ['4420', 'b,a 4420'],
  ['442', 'a 442'],
  ['0123', 'a +44123'],
  ['00123', 'c 123'],
  ['+00123', 'c 123'],
  ['*31#5', 'c 5'],
  ['112', 'b 9112'],
  ['9196', 'echo 9196'],
  ['+9196', 'echo +9196'],
  ['echo', 'echo echo'],
  ['front-desk', 'a +442071234567'],
  ['44-20-1', 'c 44201'],
  ['442012', 'b,a 442012'],
  ['91960', 'ROUTE_NOT_FOUND: no route for 91***60'],
  ['11', 'ROUTE_NOT_FOUND: no route for 11'],
  ['ECHO', 'ROUTE_NOT_FOUND: no route for ECHO'],
  ['nobody', 'ROUTE_NOT_FOUND: no route for nobody'],
  ['', 'ROUTE_NOT_FOUND: no route for (nothing dialled)'],
];

for (const [dialled, choice] of CASES) {
  test(`takes ${dialled === '' ? 'nothing' : dialled} to ${choice}`, () => {
    assert.is(select(dialled), choice);
  });
}

test('takes every number to the empty prefix when nothing longer matches, but no name', () => {
  const all = book({
    trunks: TRUNKS,
    routes: [route({ prefix: '', trunks: ['a'] }), route({ prefix: '1', trunks: ['b'] })],
  });
  const trunksOf = (dialled: string): string => {
    const result = all.selectRoute(dialled);
    return result.ok ? choiceText(result.value) : result.error.code;
  };
  assert.is(trunksOf('2'), 'a 2');
  assert.is(trunksOf('12'), 'b 12');
  assert.is(trunksOf('echo'), 'ROUTE_NOT_FOUND');
});

test('chooses as a search through all prefixes would, on random tables and numbers', () => {
  const random = seededRandom(7);
  const digits = (countMax: number): string =>
    Array.from(
      { length: Math.floor(random.draw() * (countMax + 1)) },
      () => '0123456789*#'[Math.floor(random.draw() * 4)] ?? '0',
    ).join('');
  for (let round = 0; round < 200; round += 1) {
    const prefixes = [...new Set(Array.from({ length: 20 }, () => digits(6)))];
    const routes: readonly RouteSettings[] = prefixes.map((prefix) =>
      route({ prefix, trunks: ['a'] }),
    );
    const table = book({ trunks: TRUNKS, routes });
    for (let call = 0; call < 50; call += 1) {
      const dialled = digits(9);
      const best =
        dialled === ''
          ? undefined
          : prefixes
              .filter((prefix) => dialled.startsWith(prefix))
              .sort((x, y) => y.length - x.length)[0];
      const chosen = table.selectRoute(dialled);
      const prefix =
        chosen.ok && chosen.value.route.match.kind === 'prefix'
          ? chosen.value.route.match.prefix
          : undefined;
      assert.is(prefix, best, `dialled ${dialled} among ${prefixes.join(' ')}`);
    }
  }
});

test.run();
