// Whose call it is, by source address and by digest name; and what makes a book impossible.
import ipaddr from 'ipaddr.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom, trunkId } from '../../../src/base/index.ts';
import { buildTrunkBook } from '../../../src/trunks/index.ts';
import { SourceTable } from '../../../src/trunks/source-table.ts';
import { book, route, trunkSettings } from './build.ts';

const BOOK = book({
  trunks: [
    trunkSettings('wide', { allow: ['10.0.0.0/8', '2001:db8::/32'] }),
    trunkSettings('narrow', { allow: ['10.1.2.0/29', '2001:db8:1::/48'] }),
    trunkSettings('one', { allow: ['10.1.2.3', '::1'], auth: { username: 'one', password: 'p' } }),
  ],
});

const SOURCES: readonly (readonly [address: string, trunk: string | null])[] = [
  ['10.9.9.9', 'wide'],
  ['10.1.2.7', 'narrow'],
  ['10.1.2.8', 'wide'],
  ['10.1.2.3', 'one'],
  ['::ffff:10.1.2.3', 'one'],
  ['::FFFF:0a01:0204', 'narrow'],
  ['11.0.0.0', null],
  ['2001:db8:2::1', 'wide'],
  ['2001:0db8:0001:0000::9', 'narrow'],
  ['::1', 'one'],
  ['::2', null],
  ['', null],
  ['not an address', null],
  ['10.1.2', null],
];

for (const [address, trunk] of SOURCES) {
  test(`gives ${address === '' ? 'no address' : address} to ${trunk ?? 'no trunk'}, and again when asked again`, () => {
    assert.is(BOOK.bySource(address)?.name ?? null, trunk);
    assert.is(BOOK.bySource(address)?.name ?? null, trunk);
  });
}

test('finds digest trunks by name to the letter', () => {
  assert.ok(BOOK.hasDigestTrunks);
  assert.is(BOOK.byUsername('one')?.name, 'one');
  assert.is(BOOK.byUsername('One'), null);
  assert.is(BOOK.byUsername('__proto__'), null);
  assert.not.ok(book({}).hasDigestTrunks);
});

test('knows the hosts that gateways are configured by, and takes no caller’s name for one', () => {
  const gateways = [{ uri: 'sip:GW.example:5080' }, { uri: 'sip:[2001:db8::9]' }];
  const made = book({ trunks: [trunkSettings('out', { gateways })] });
  const hosts = ['gw.example', '2001:db8::9', 'n1.gw.example', '192.0.2.9'];
  assert.equal(
    hosts.map((host) => made.isGatewayHost(host)),
    [true, true, false, false],
  );
});

test('finds trunks by id and names gateways so that a reload knows them again', () => {
  const made = book({
    trunks: [trunkSettings('a', { gateways: [{ uri: 'sip:[2001:db8::1]:5070;transport=tcp' }] })],
  });
  const trunk = made.byId(trunkId('a'));
  assert.equal(trunk?.gateways, [
    {
      id: 'a/tcp:[2001:db8::1]:5070',
      trunkId: 'a',
      uri: 'sip:[2001:db8::1]:5070;transport=tcp',
      target: { transport: 'tcp', host: '2001:db8::1', port: 5070 },
      priority: 1,
      weight: 1,
    },
  ]);
  assert.ok(trunk?.failsOverOn.has(503));
  assert.is(made.byId(trunkId('b')), null);
});

const a = trunkSettings('a', { allow: ['192.0.2.0/24'], auth: { username: 'u', password: 'p' } });
for (const [name, inputs, message] of [
  ['a name', { trunks: [a, trunkSettings('a')], routes: [] }, 'two trunks are named a'],
  [
    'a user name',
    { trunks: [a, trunkSettings('b', { auth: { username: 'u', password: 'q' } })], routes: [] },
    'trunks a and b share the user name u',
  ],
  [
    'a block',
    { trunks: [a, trunkSettings('b', { allow: ['192.0.2.0/24'] })], routes: [] },
    'trunks a and b both allow 192.0.2.0/24',
  ],
  [
    'a prefix',
    {
      trunks: [a],
      routes: [route({ prefix: '1', trunks: ['a'] }), route({ prefix: '+1', trunks: ['a'] })],
    },
    'two routes have the prefix "1"',
  ],
  [
    'a number',
    {
      trunks: [],
      routes: [
        route({ number: '1-2', destination: 'echo' }),
        route({ number: '+12', destination: 'echo' }),
      ],
    },
    'two routes have the number 12',
  ],
] as const) {
  test(`refuses two that share ${name}, as the file and the API may together`, () => {
    assert.equal(buildTrunkBook(inputs), { ok: false, error: { code: 'CONFIG_INVALID', message } });
  });
}

test('refuses a route to a trunk that the file no longer has', () => {
  const result = buildTrunkBook({
    trunks: [a],
    routes: [route({ prefix: '1', trunks: ['a', 'gone'] })],
  });
  assert.is(
    result.ok ? '' : result.error.message,
    'the route with the prefix "1" names the unknown trunk gone',
  );
});

test('finds the block that a search through all of them would, on random blocks and addresses', () => {
  const random = seededRandom(11);
  const byte = (): number => Math.floor(random.draw() * 4);
  const address = (): string => `${byte()}.${byte()}.${byte()}.${byte()}`;
  const wide = (): string => `2001:db8:${byte()}:${byte()}::${byte()}`;
  for (let round = 0; round < 100; round += 1) {
    const table = new SourceTable<string>();
    const blocks: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      const isV6 = random.draw() < 0.5;
      const bits = Math.floor(random.draw() * (isV6 ? 129 : 33));
      const block = `${isV6 ? wide() : address()}/${bits}`;
      if (table.add(block, block) === null) blocks.push(block);
    }
    for (let call = 0; call < 50; call += 1) {
      const text = random.draw() < 0.5 ? wide() : address();
      const parsed = ipaddr.parse(text);
      const holding = blocks
        .map((block) => ({ block, cidr: ipaddr.parseCIDR(block) }))
        .filter(({ cidr }) => cidr[0].kind() === parsed.kind() && parsed.match(cidr[0], cidr[1]))
        .sort((x, y) => y.cidr[1] - x.cidr[1]);
      assert.is(table.find(text), holding[0]?.block ?? null, `${text} in ${blocks.join(' ')}`);
    }
  }
});

test('keeps answering right when far more strangers come than it remembers', () => {
  const table = new SourceTable<string>();
  table.add('10.0.0.0/8', 'ten');
  for (let index = 0; index < 20_000; index += 1) table.find(`11.0.${index >> 8}.${index & 255}`);
  assert.is(table.find('10.1.1.1'), 'ten');
  assert.is(table.find('11.0.0.1'), null);
});

test.run();
