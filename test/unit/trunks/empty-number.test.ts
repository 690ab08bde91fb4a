// What a route's strip may leave over: something to dial, or no route at all.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { book, choiceText, route, trunkSettings } from './build.ts';

function select(routed: Readonly<Record<string, unknown>>, dialled: string): string {
  const { selectRoute } = bookWith(routed);
  const result = selectRoute(dialled);
  return result.ok ? choiceText(result.value) : result.error.code;
}

function bookWith(routed: Readonly<Record<string, unknown>>): {
  readonly selectRoute: ReturnType<typeof book>['selectRoute'];
} {
  const made = book({
    trunks: [trunkSettings('a', { gateways: [{ uri: 'sip:a.example' }] })],
    routes: [route(routed)],
  });
  return { selectRoute: (dialled) => made.selectRoute(dialled) };
}

for (const [what, routed, dialled] of [
  ['strip of all digits', { prefix: '44', strip: 2, trunks: ['a'] }, '44'],
  ['strip of all digits behind a plus', { prefix: '44', strip: 2, trunks: ['a'] }, '+44'],
  ['strip of more than there is', { prefix: '44', strip: 10, trunks: ['a'] }, '441234'],
  ['strip of a whole name', { number: 'front-desk', strip: 64, trunks: ['a'] }, 'front-desk'],
  ['strip of an exact number', { number: '112', strip: 3, trunks: ['a'] }, '112'],
  [
    'strip of everything with a lone plus added',
    { prefix: '0', strip: 9, add: '+', trunks: ['a'] },
    '01',
  ],
] as const) {
  test(`${what} leaves nothing to dial: ROUTE_NOT_FOUND`, () => {
    assert.is(select(routed, dialled), 'ROUTE_NOT_FOUND');
  });
}

test('strip of everything with digits added dials the digits', () => {
  assert.is(select({ prefix: '44', strip: 64, add: '9', trunks: ['a'] }, '441234'), 'a 9');
  assert.is(select({ prefix: '44', strip: 2, add: '+1', trunks: ['a'] }, '44'), 'a +1');
  assert.is(select({ prefix: '*31#', strip: 4, add: '', trunks: ['a'] }, '*31#5'), 'a 5');
});

test('a destination of our own needs no number', () => {
  assert.is(select({ number: 'echo', strip: 64, destination: 'echo' }, 'echo'), 'echo ');
});

test.run();
