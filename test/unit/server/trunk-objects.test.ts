// Trunks and routes of the file and of the API as one list: clashes, reloads, and a store that refuses.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CodedError, Result } from '../../../src/base/index.ts';
import { epochMs, err, ok, silentLog } from '../../../src/base/index.ts';
import type { Settings } from '../../../src/config/index.ts';
import { parseConfig, validateRoute, validateTrunk } from '../../../src/config/index.ts';
import type { ObjectKind, StoredObject } from '../../../src/store/index.ts';
import type { TrunkBook } from '../../../src/trunks/index.ts';
import { computeHa1 } from '../../../src/sip/index.ts';
import { routeBody, trunkBody } from '../../../src/server/object-bodies.ts';
import type { ObjectStore } from '../../../src/server/trunk-objects.ts';
import { TrunkObjects } from '../../../src/server/trunk-objects.ts';

function settingsOf(peers: string): Settings {
  const text = `listen: { sip: [udp://127.0.0.1:5060], http: null }\n${peers}`;
  const result = parseConfig(text, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.settings;
}

const FILE = settingsOf(`
trunks:
  - { name: a, allow: [192.0.2.0/24], gateways: [{ uri: "sip:192.0.2.1" }], auth: { username: u, password: geheim }, transcode: always, srtp: optional, ptime_ms: 30, jitter_buffer: small, dtmf: rfc4733, comfort_noise: on, redundancy: on, opus_bitrate_bps: 16000, opus_complexity: 2 }
routes:
  - { prefix: "44", trunks: [a] }
  - { number: "44", destination: echo }
`);

const WITH_OLD = settingsOf('trunks: [{ name: old, gateways: [{ uri: "sip:192.0.2.7" }] }]');
type Objects = Awaited<ReturnType<typeof aWorld>>['objects'];

class FakeStore implements ObjectStore {
  readonly objects = new Map<string, StoredObject>();
  refuses = false;
  /** Runs while a write is under way. */
  during: () => void = () => undefined;

  listObjects(kind: ObjectKind): Promise<Result<readonly StoredObject[], CodedError>> {
    return Promise.resolve(ok([...this.objects.values()].filter((one) => one.kind === kind)));
  }

  putObject(kind: ObjectKind, name: string, body: unknown): Promise<Result<void, CodedError>> {
    if (this.refuses) return Promise.resolve(REFUSED);
    this.objects.set(`${kind} ${name}`, { kind, name, body, updatedAt: epochMs(0) });
    this.during();
    return Promise.resolve(ok(undefined));
  }

  deleteObject(kind: ObjectKind, name: string): Promise<Result<boolean, CodedError>> {
    if (this.refuses) return Promise.resolve(REFUSED);
    const was = this.objects.delete(`${kind} ${name}`);
    this.during();
    return Promise.resolve(ok(was));
  }
}

const REFUSED = err({ code: 'STORE_UNAVAILABLE', message: 'disk full' } as const);

interface World {
  readonly store: FakeStore;
  readonly objects: TrunkObjects;
  readonly books: TrunkBook[];
  readonly calls: number[];
}

async function load(
  settings: Settings,
  store = new FakeStore(),
): Promise<Result<World, CodedError>> {
  const books: TrunkBook[] = [];
  const calls: number[] = [];
  const objects = await TrunkObjects.load({
    store,
    settings,
    log: silentLog,
    onBook: (book, limits) => {
      books.push(book);
      calls.push(limits.calls);
    },
  });
  return objects.ok ? ok({ store, objects: objects.value, books, calls }) : objects;
}

async function aWorld(settings = FILE, store = new FakeStore()): Promise<World> {
  const world = await load(settings, store);
  if (!world.ok) throw new Error(world.error.message);
  return world.value;
}

const namesIn = (book: TrunkBook | undefined): string[] =>
  (book?.trunks ?? []).map(({ name }) => name);

const B = { name: 'b', gateways: [{ uri: 'sip:192.0.2.2' }] };

test('bodies in the file’s words make the same settings again', () => {
  for (const trunk of FILE.trunks) {
    const again = validateTrunk(trunkBody(trunk));
    assert.equal(again, ok(trunk));
  }
  for (const route of FILE.routes) assert.equal(validateRoute(routeBody(route)), ok(route));
});

test('lists the file’s objects with defaults and without secrets', async () => {
  const { objects } = await aWorld();
  const [trunk] = objects.trunks.list();
  assert.is(trunk?.owner, 'config');
  assert.is((trunk?.body as { cps: number }).cps, 50);
  assert.equal((trunk?.body as { auth: unknown }).auth, { username: 'u', password: '(secret)' });
  assert.not.match(JSON.stringify(objects.trunks.list()), 'geheim');
});

test('a route of a whole number and one of the same digits as prefix have different names', async () => {
  const { objects } = await aWorld();
  assert.equal(
    objects.routes.list().map(({ name }) => name),
    ['44', 'number:44'],
  );
});

test('what validate answers can be put, is stored with its secrets, and applies to new calls', async () => {
  const { objects, store, books } = await aWorld();
  const body = { ...B, credentials: { username: 'u', password: 'p', realm: null } };
  const valid = objects.trunks.validate('b', body);
  assert.ok(valid.ok);
  assert.is(books.length, 1);
  assert.equal(await objects.trunks.put('b', valid.value), ok(undefined));
  assert.equal((store.objects.get('trunk b')?.body as typeof body).credentials.password, 'p');
  assert.equal(namesIn(books.at(-1)), ['a', 'b']);
  assert.equal(namesIn(objects.book), ['a', 'b']);
  const again = await aWorld(FILE, store);
  assert.equal(namesIn(again.books[0]), ['a', 'b']);
});

test('refuses a body that clashes with the whole, before it is stored', async () => {
  const { objects, store, books } = await aWorld();
  for (const [name, body] of [
    ['a', { name: 'a' }],
    ['c', { name: 'c', allow: ['192.0.2.0/24'] }],
    ['c', { name: 'd' }],
    ['c', { name: 'c', cps: 'many' }],
  ] as const) {
    const valid = objects.trunks.validate(name, body);
    assert.is(valid.ok ? 'ok' : valid.error.code, 'REQUEST_INVALID', JSON.stringify(body));
    const put = await objects.trunks.put(name, body);
    assert.is(put.ok ? 'ok' : put.error.code, 'REQUEST_INVALID');
  }
  const route = await objects.routes.put('33', { prefix: '33', trunks: ['nobody'] });
  assert.is(route.ok, false);
  assert.is(store.objects.size, 0);
  assert.is(books.length, 1);
});

test('a trunk that a route still names can’t be removed', async () => {
  const { objects, store } = await aWorld();
  await objects.trunks.put('b', B);
  await objects.routes.put('33', { prefix: '33', trunks: ['b'] });
  const early = await objects.trunks.remove('b');
  assert.is(early.ok ? 'ok' : early.error.code, 'NAME_IN_USE');
  assert.ok((await objects.routes.remove('33')).ok);
  assert.ok((await objects.trunks.remove('b')).ok);
  assert.is(store.objects.size, 0);
  assert.equal(namesIn(objects.book), ['a']);
});

test('what the store refuses is not applied', async () => {
  const { objects, store, books } = await aWorld();
  store.refuses = true;
  const put = await objects.trunks.put('b', B);
  assert.equal(put, REFUSED);
  assert.is(books.length, 1);
  assert.is(objects.trunks.list().length, 1);
});

test('a reload replaces the file’s part and its caps, and keeps the API’s', async () => {
  const { objects, books, calls } = await aWorld();
  await objects.trunks.put('b', B);
  const next = settingsOf('limits: { calls: 7 }\ntrunks: [{ name: z, allow: [198.51.100.0/24] }]');
  assert.ok(objects.reload(next).ok);
  assert.equal(namesIn(books.at(-1)), ['z', 'b']);
  assert.is(calls.at(-1), 7);
});

test('a reload that clashes with the API’s changes nothing, not even the caps of a later edit', async () => {
  const { objects, books, calls } = await aWorld();
  await objects.trunks.put('b', B);
  const count = books.length;
  const clash = objects.reload(settingsOf('limits: { calls: 7 }\ntrunks: [{ name: b }]'));
  assert.is(clash.ok ? 'ok' : clash.error.code, 'CONFIG_INVALID');
  assert.match(clash.ok ? '' : clash.error.message, 'b');
  assert.is(books.length, count);
  await objects.trunks.put('c', { name: 'c' });
  assert.is(calls.at(-1), FILE.limits.calls);
  assert.equal(namesIn(objects.book), ['a', 'b', 'c']);
});

test('an edit that a reload overtook is taken out of the store again when the two don’t fit', async () => {
  const { objects, store } = await aWorld();
  store.during = () => {
    store.during = () => undefined;
    assert.ok(objects.reload(settingsOf('trunks: [{ name: b }]')).ok);
  };
  const put = await objects.trunks.put('b', B);
  assert.is(put.ok ? 'ok' : put.error.code, 'REQUEST_INVALID');
  assert.is(store.objects.size, 0);
  assert.equal(namesIn(objects.book), ['b']);
});

test('an edit that a reload overtook applies to the reloaded file when the two fit', async () => {
  const { objects, store, books } = await aWorld();
  store.during = () => {
    store.during = () => undefined;
    assert.ok(objects.reload(settingsOf('trunks: [{ name: z }]')).ok);
  };
  assert.ok((await objects.trunks.put('b', B)).ok);
  assert.equal(namesIn(books.at(-1)), ['z', 'b']);
});

test('a start with a file that clashes with the API’s fails and names the clash', async () => {
  const { objects, store } = await aWorld();
  await objects.trunks.put('b', B);
  const started = await load(settingsOf('trunks: [{ name: b }]'), store);
  assert.is(started.ok ? 'ok' : started.error.code, 'CONFIG_INVALID');
  assert.match(
    started.ok ? '' : started.error.message,
    'trunks[0].name: b: is the name of a trunk that was made through the API too',
  );
});

test('refuses a trunk whose gateway is this node itself', async () => {
  const { objects } = await aWorld();
  const loop = { name: 'b', gateways: [{ uri: 'sip:127.0.0.1:5060' }] };
  const valid = objects.trunks.validate('b', loop);
  assert.match(valid.ok ? '' : valid.error.message, 'gateways[0].uri: sip:127.0.0.1:5060: is this');
});

test('the book holds hashes of passwords, made once, and the list still shows none', async () => {
  const { objects } = await aWorld();
  const auth = (): unknown => objects.book.trunks.find(({ name }) => name === 'a')?.auth;
  const { md5, sha256 } = computeHa1({ username: 'u', realm: 'trunkyard', password: 'geheim' });
  assert.equal(auth(), { kind: 'ha1', username: 'u', ha1Md5: md5, ha1Sha256: sha256 });
  const before = auth();
  await objects.trunks.put('b', B);
  assert.is(auth(), before);
});

test('a stored trunk that is not valid any more is left out with its routes, shown with the reason, and can be deleted', async () => {
  const store = new FakeStore();
  await store.putObject('trunk', 'old', { name: 'old', gone: 1 });
  await store.putObject('trunk', 'b', B);
  await store.putObject('route', '49', { prefix: '49', trunks: ['b', 'old'] });
  await store.putObject('route', '48', { prefix: '48', trunks: ['b'] });
  const { objects } = await aWorld(FILE, store);
  assert.equal(namesIn(objects.book), ['a', 'b']);
  const problemOf = (name: string): string | null | undefined =>
    [...objects.trunks.list(), ...objects.routes.list()].find((one) => one.name === name)?.problem;
  assert.match(problemOf('old') ?? '', 'gone');
  assert.match(problemOf('49') ?? '', 'old');
  assert.is(problemOf('b'), null);
  assert.is(problemOf('48'), null);
  assert.equal(await objects.routes.remove('49'), ok(undefined));
  assert.equal(await objects.trunks.remove('old'), ok(undefined));
  assert.is(problemOf('old'), undefined);
  assert.is(store.objects.has('trunk old'), false);
});

test('a stored trunk whose gateway has become this node itself does not keep the node from starting', async () => {
  const store = new FakeStore();
  const first = await aWorld(FILE, store);
  const body = { name: 'c', gateways: [{ uri: 'sip:127.0.0.1:5070' }] };
  assert.equal(await first.objects.trunks.put('c', body), ok(undefined));
  const moved = settingsOf('').listen.sip.map((one) => ({
    ...one,
    bind: { ...one.bind, port: 5070 },
  }));
  const again = await aWorld({ ...FILE, listen: { ...FILE.listen, sip: moved } }, store);
  assert.equal(namesIn(again.objects.book), ['a']);
  const good = { name: 'c', gateways: [{ uri: 'sip:192.0.2.9' }] };
  assert.equal(await again.objects.trunks.put('c', good), ok(undefined));
  assert.equal(namesIn(again.objects.book), ['a', 'c']);
  assert.equal(
    again.objects.trunks.list().map(({ problem }) => problem),
    [null, null],
  );
});

for (const [what, mend] of [
  ['mended', (objects: Objects) => objects.trunks.put('old', { ...B, name: 'old' })],
  ['made by the file', (objects: Objects) => Promise.resolve(objects.reload(WITH_OLD))],
] as const) {
  test(`a route over a trunk that was left out comes back when that is ${what}`, async () => {
    const store = new FakeStore();
    await store.putObject('trunk', 'old', { name: 'old', gone: 1 });
    await store.putObject('route', '49', { prefix: '49', trunks: ['old'] });
    const { objects } = await aWorld(FILE, store);
    assert.is(objects.book.selectRoute('4930').ok, false);
    assert.equal(await mend(objects), ok(undefined));
    assert.is(objects.book.selectRoute('4930').ok, true);
    assert.is(objects.routes.list().find(({ name }) => name === '49')?.problem, null);
    assert.equal(await objects.routes.remove('49'), ok(undefined));
    assert.is(objects.book.selectRoute('4930').ok, false);
  });
}

test.run();
