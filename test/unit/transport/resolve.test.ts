// The address cache against a resolver that answers when told to.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook } from '../../../src/transport/resolve.ts';

type Answer = (addresses: readonly string[]) => void;

function bookWith(ttlMs: number) {
  const asked: { readonly host: string; readonly answer: Answer }[] = [];
  const book = new AddressBook(ttlMs, (host, answer) => asked.push({ host, answer }));
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
  const book = new AddressBook(0, (_host, answer) => asked.push(answer));
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
