// Digest, both sides: the RFC's own example, each way an answer is refused, and replay.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { epochMs } from '../../../../src/base/index.ts';
import type { EpochMs } from '../../../../src/base/index.ts';
import {
  DigestServer,
  computeHa1,
  digestAnswer,
  pickChallenge,
  readChallenge,
} from '../../../../src/sip/auth/index.ts';
import type { Ha1Lookup } from '../../../../src/sip/auth/index.ts';
import { digestResponse } from '../../../../src/sip/auth/digest-hash.ts';
import { parseAuthValue } from '../../../../src/sip/auth/auth-params.ts';

const realm = 'trunkyard';
const alice = { username: 'alice', password: 'Zoë’s "secret"' };
const lookup: Ha1Lookup = (username) =>
  username === 'alice' ? computeHa1({ ...alice, realm }) : null;
const server = (noncesMax?: number): DigestServer =>
  new DigestServer({
    realm,
    secret: Buffer.alloc(32, 7),
    nonceLifetimeMs: 60_000,
    ...(noncesMax === undefined ? {} : { noncesMax }),
  });
const start: EpochMs = epochMs(1_700_000_000_000);
const later = (ms: number): EpochMs => epochMs(start + ms);
const request = { method: 'INVITE', uri: 'sip:b@c', cnonce: '0123456789abcdef' };

function answer(
  challenge: string,
  changes: Partial<
    typeof request & { nonceCount: number; password: string; username: string }
  > = {},
): string {
  const { password = alice.password, username = alice.username, ...rest } = changes;
  const result = digestAnswer(challenge, { username, password }, { ...request, ...rest });
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function challengesOf(target: DigestServer, now = start, source = '192.0.2.10'): readonly string[] {
  return target.challenge(now, { source }).map(([, value]) => value);
}

function reason(target: DigestServer, value: string, now = start, method = 'INVITE'): string {
  const result = target.verify(now, method, value, lookup);
  return result.ok ? `ok ${result.value.username}` : result.error.reason;
}

test('computes the responses of the example in RFC 7616 §3.9.1', () => {
  const facts = {
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    auth: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
  };
  const ha1 = computeHa1({
    username: 'Mufasa',
    realm: 'http-auth@example.org',
    password: 'Circle of Life',
  });
  assert.is(
    digestResponse('MD5', { ...facts, ha1: ha1.md5 ?? '' }),
    '8ca523f5e9506fed4657c9700eebdbec',
  );
  assert.is(
    digestResponse('SHA-256', { ...facts, ha1: ha1.sha256 ?? '' }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

test('computes the response of RFC 2069 when no qop is offered', () => {
  const value =
    'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="o"';
  const result = digestAnswer(
    value,
    { username: 'Mufasa', password: 'CircleOfLife' },
    { method: 'GET', uri: '/dir/index.html', cnonce: 'c' },
  );
  assert.ok(result.ok && result.value.includes('response="1949323746fe6a43ef61f9606e7febea"'));
  assert.ok(result.ok && result.value.includes('opaque="o"') && !result.value.includes('cnonce'));
});

test('offers SHA-256 first, then MD5, and accepts an answer to either', () => {
  const target = server();
  const [sha, md5] = challengesOf(target);
  assert.match(sha ?? '', /algorithm=SHA-256/);
  assert.match(md5 ?? '', /algorithm=MD5/);
  assert.is(reason(target, answer(sha ?? '')), 'ok alice');
  assert.is(reason(target, answer(md5 ?? '', { nonceCount: 2 })), 'ok alice');
});

test('refuses a wrong password, an unknown user, another method and another realm', () => {
  const target = server();
  const [sha = ''] = challengesOf(target);
  assert.is(reason(target, answer(sha, { password: 'x' })), 'wrongCredentials');
  assert.is(reason(target, answer(sha, { username: 'bob' })), 'wrongCredentials');
  assert.is(reason(target, answer(sha), start, 'BYE'), 'wrongCredentials');
  assert.is(reason(target, answer(sha.replace(realm, 'other'))), 'wrongRealm');
});

test('accepts each count of a nonce once, out of order within a window', () => {
  const target = server();
  const [sha = ''] = challengesOf(target);
  const use = (nonceCount: number): string => reason(target, answer(sha, { nonceCount }));
  assert.is(use(3), 'ok alice');
  assert.is(use(3), 'replayed');
  assert.is(use(1), 'ok alice');
  assert.is(use(1), 'replayed');
  assert.is(use(40), 'ok alice');
  assert.is(use(9), 'ok alice');
  assert.is(use(8), 'replayed');
  assert.is(use(2), 'replayed');
});

test('a wrong answer does not use up a count', () => {
  const target = server();
  const [sha = ''] = challengesOf(target);
  assert.is(reason(target, answer(sha, { password: 'x' })), 'wrongCredentials');
  assert.is(reason(target, answer(sha)), 'ok alice');
});

test('calls a nonce stale when it is too old, changed, or of another server', () => {
  const target = server();
  const [sha = ''] = challengesOf(target);
  assert.is(reason(target, answer(sha), later(59_999)), 'ok alice');
  assert.is(reason(target, answer(sha, { nonceCount: 2 }), later(60_000)), 'stale');
  assert.is(reason(target, answer(sha.replace(/nonce="../, 'nonce="AA'))), 'stale');
  const other = new DigestServer({ realm, secret: Buffer.alloc(32, 8), nonceLifetimeMs: 60_000 });
  assert.is(reason(other, answer(sha)), 'stale');
});

test('whoever fills the replay window shuts nobody out and makes no answer good a second time', () => {
  const target = server(2);
  const fresh = (): string => answer(challengesOf(target)[0] ?? '');
  const given = fresh();
  const uses = [fresh(), fresh(), fresh(), fresh()];
  for (const use of uses) assert.is(reason(target, use), 'ok alice');
  assert.equal(
    uses.map((use) => reason(target, use)),
    ['stale', 'stale', 'replayed', 'replayed'],
  );
  assert.is(reason(target, given), 'stale', 'made before one that was given up');
  assert.is(reason(target, fresh()), 'ok alice');
});

test('a clock that steps back makes no answer good a second time', () => {
  const target = server(2);
  const fresh = (now: EpochMs): string => answer(challengesOf(target, now)[0] ?? '', {});
  const used = fresh(start);
  assert.is(reason(target, used), 'ok alice');
  for (const now of [later(60_000), later(60_001)]) {
    assert.is(reason(target, fresh(now), now), 'ok alice');
  }
  assert.is(reason(target, used), 'stale');
});

for (const [what, change] of [
  ['another scheme', (value: string) => value.replace('Digest', 'Basic')],
  ['no qop', (value: string) => value.replace('qop=auth, ', '')],
  ['qop auth-int', (value: string) => value.replace('qop=auth', 'qop=auth-int')],
  ['an unknown algorithm', (value: string) => value.replace('SHA-256', 'SHA-1')],
  ['a count of zero', (value: string) => value.replace('nc=00000001', 'nc=00000000')],
  ['a count that is no number', (value: string) => value.replace('nc=00000001', 'nc=0000000g')],
  ['a parameter twice', (value: string) => `${value}, nc=00000002`],
  ['an open quote', (value: string) => `${value}, x="`],
  ['no parameters', () => 'Digest'],
] as const) {
  test(`refuses an answer with ${what}`, () => {
    const target = server();
    const [sha = ''] = challengesOf(target);
    assert.is(reason(target, change(answer(sha))), 'malformed');
  });
}

test('says whose a challenge is and whether only the nonce was old, and picks the first that can be answered', () => {
  const challenges = [
    'Digest realm="r", nonce="1", algorithm=SHA-512-256',
    'Digest realm="r", nonce="2", algorithm=md5, stale=TRUE',
  ];
  assert.is(pickChallenge(challenges), challenges[1]);
  const read = readChallenge(challenges[1] ?? '');
  assert.equal(read.ok && read.value, { realm: 'r', algorithm: 'MD5', isStale: true });
  assert.is(pickChallenge(['Basic realm="r"']), null);
  assert.is(digestAnswer('Digest realm="r", nonce="1", qop="auth-int"', alice, request).ok, false);
});

test('reads a hostile value in linear time and keeps prototype names as plain text', () => {
  assert.is(parseAuthValue(`Digest ${'a'.repeat(60_000)}`), null);
  assert.is(parseAuthValue('Digest __proto__=1')?.params.get('__proto__'), '1');
});

/** Answers a challenge given to `source`, after `ms`. */
function guess(
  target: DigestServer,
  ms: number,
  { source = '192.0.2.10', ...changes }: { source?: string; password?: string; username?: string },
): string {
  const [, md5 = ''] = challengesOf(target, later(ms), source);
  return reason(target, answer(md5, changes), later(ms));
}

test('after ten wrong answers none is looked at for two seconds, not even the right one', () => {
  const target = server();
  for (let i = 0; i < 10; i += 1) {
    assert.is(guess(target, i, { password: `guess ${i}` }), 'wrongCredentials');
  }
  assert.is(guess(target, 10, {}), 'blocked');
  assert.is(guess(target, 2_008, {}), 'blocked');
  assert.is(guess(target, 2_009, {}), 'ok alice');
  assert.is(guess(target, 2_010, { password: 'x' }), 'wrongCredentials', 'counted from 0 again');
  assert.is(guess(target, 2_011, {}), 'ok alice');
});

test('wrong answers count against who was challenged and the name he gives, and nobody else', () => {
  const target = server();
  const source = '198.51.100.7';
  for (let i = 0; i < 10; i += 1) guess(target, i, { source, password: 'x' });
  assert.is(guess(target, 10, { source }), 'blocked');
  assert.is(guess(target, 10, {}), 'ok alice', 'the same name elsewhere');
  assert.is(guess(target, 10, { source, username: 'bob' }), 'wrongCredentials', 'another name');
  for (let i = 0; i < 9; i += 1) guess(target, i, { source, username: 'bob' });
  assert.is(guess(target, 10, { source, username: 'bob' }), 'blocked', 'a name that nobody has');
});

test.run();
