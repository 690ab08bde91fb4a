// The address cache against a resolver that answers when told to.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook, fewAtOnce } from '../../../src/transport/resolve.ts';

type Answer = (addresses: readonly string[]) => void;

function bookWith(ttlMs: number, patienceMs = 3_600_000) {
  const asked: { readonly host: string; readonly answer: Answer }[] = [];
  const lookUp = (host: string, answer: Answer): void => void asked.push({ host, answer });
  const book = new AddressBook({ ttlMs, patienceMs, lookUp });
  const found: string[] = [];
  const find = (host: string): void => {
    book.find(host, (addresses) => found.push(`${host}: ${addresses.join(' ')}`));
  };
  return { asked, found, find };
}

test('an IP literal is itself, at once and without the resolver', () => {
  const { asked, found, find } = bookWith(1_000);
  find('192.0.2.1');
  find('2001:db8::1');
  assert.equal(found, ['192.0.2.1: 192.0.2.1', '2001:db8::1: 2001:db8::1']);
  assert.is(asked.length, 0);
});

test('callers for one name share a look-up and are answered in order', () => {
  const { asked, found, find } = bookWith(1_000);
  find('gw.example');
  find('GW.example');
  assert.is(asked.length, 1);
  assert.equal(found, []);
  asked[0]?.answer(['192.0.2.1', '192.0.2.2']);
  assert.equal(found, ['gw.example: 192.0.2.1 192.0.2.2', 'GW.example: 192.0.2.1 192.0.2.2']);
});

test('a fresh answer is used again, a stale one is asked for anew', () => {
  const fresh = bookWith(3_600_000);
  fresh.find('gw.example');
  fresh.asked[0]?.answer(['192.0.2.1']);
  fresh.find('gw.example');
  assert.is(fresh.asked.length, 1);
  assert.is(fresh.found.length, 2);
  const stale = bookWith(0);
  stale.find('gw.example');
  stale.asked[0]?.answer(['192.0.2.1']);
  stale.find('gw.example');
  assert.is(stale.asked.length, 2);
});

test('what was found for a transaction stays, though the name has moved on', () => {
  const asked: Answer[] = [];
  const book = new AddressBook({ ttlMs: 0, lookUp: (_host, answer) => void asked.push(answer) });
  const found: string[] = [];
  const find = (owner: object): void =>
    book.findFor(owner, 'gw.example', (addresses) => found.push(addresses.join(' ')));
  const invite = {};
  find(invite);
  asked[0]?.([]); // nothing is nothing to keep
  find(invite);
  asked[1]?.(['192.0.2.1']);
  find({});
  asked[2]?.(['192.0.2.2']);
  find(invite);
  assert.equal(found, ['', '192.0.2.1', '192.0.2.2', '192.0.2.1']);
  assert.is(asked.length, 3);
});

test('a name without an address is told as such and not asked for again at once', () => {
  const { asked, found, find } = bookWith(3_600_000);
  find('nobody.example');
  asked[0]?.answer([]);
  find('nobody.example');
  assert.equal(found, ['nobody.example: ', 'nobody.example: ']);
  assert.is(asked.length, 1);
});

test('a resolver that fails takes no address away that was known, and what it says later counts', () => {
  const { asked, found, find } = bookWith(0);
  find('gw.example');
  asked[0]?.answer(['192.0.2.1']);
  find('gw.example');
  assert.equal(found, ['gw.example: 192.0.2.1'], 'a resolver that works is waited for');
  asked[1]?.answer([]);
  find('gw.example');
  find('gw.example');
  assert.is(found.length, 4, 'one that has failed is not');
  assert.is(asked.length, 3, 'and is asked once at a time');
  asked[2]?.answer(['192.0.2.2']);
  find('gw.example');
  asked[3]?.answer(['192.0.2.3']);
  assert.equal(
    found.map((line) => line.split(' ')[1]),
    ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.3'],
  );
});

test('a resolver that says nothing is not waited for where an address was known', async () => {
  const { asked, found, find } = bookWith(0, 1);
  find('gw.example');
  asked[0]?.answer(['192.0.2.1']);
  find('gw.example');
  assert.is(found.length, 1);
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  assert.is(found.length, 2);
  find('gw.example');
  assert.equal([found.length, asked.length], [3, 2]);
  asked[1]?.answer(['192.0.2.2']);
  assert.is(found.length, 3, 'nobody is answered twice');
});

test('names that never resolve hold two look-ups and a short queue, and nobody waits behind them for long', () => {
  const asked: Answer[] = [];
  const lookUp = fewAtOnce((_host, done) => asked.push(done), { atOnce: 2, waiting: 3 });
  const failed: number[] = [];
  const found: number[] = [];
  for (let name = 0; name < 8; name += 1) {
    lookUp(`n${name}`, (addresses) => (addresses.length > 0 ? found : failed).push(name));
  }
  assert.equal([asked.length, failed], [2, [5, 6, 7]]);
  asked[1]?.(['192.0.2.1']);
  assert.equal([asked.length, found], [3, [1]]);
  for (let next = 0; next < asked.length; next += 1) if (next !== 1) asked[next]?.(['192.0.2.1']);
  assert.equal(found, [1, 0, 2, 3, 4]);
});

test('the table holds a bounded number of names and forgets the oldest', () => {
  const { asked, find } = bookWith(3_600_000);
  for (let i = 0; i <= 1_000; i += 1) {
    find(`n${i}.example`);
    asked.at(-1)?.answer(['192.0.2.1']);
  }
  assert.is(asked.length, 1_001);
  find('n1000.example');
  assert.is(asked.length, 1_001);
  find('n0.example');
  assert.is(asked.length, 1_002);
});

test('callers beyond the bound for one name are told that it failed', () => {
  const { asked, found, find } = bookWith(1_000);
  for (let i = 0; i < 1_001; i += 1) find('slow.example');
  assert.equal(found, ['slow.example: ']);
  asked[0]?.answer(['192.0.2.1']);
  assert.is(found.length, 1_001);
});

test.run();
