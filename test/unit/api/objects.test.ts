// Trunks and routes over HTTP: who owns them, edits, secrets.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { World, type ErrorAnswer } from './fakes.ts';

function aWorld(): World {
  const world = new World();
  world.trunks.objects.set('carrier-a', {
    name: 'carrier-a',
    owner: 'config',
    body: { name: 'carrier-a' },
    problem: null,
  });
  return world;
}

test('lists trunks with their state and owner', async () => {
  const answer = await aWorld().app.inject('/v1/trunks');
  assert.equal(answer.json(), {
    trunks: [
      {
        name: 'carrier-a',
        owner: 'config',
        channels_in_use: 2,
        channels: 500,
        cps: 50,
        gateways: [{ uri: 'sip:192.0.2.10', state: 'up' }],
      },
    ],
  });
});

test('makes, replaces and removes a trunk of its own', async () => {
  const world = aWorld();
  const made = await world.app.inject({
    method: 'POST',
    url: '/v1/trunks',
    payload: { name: 'b', cps: 5 },
  });
  assert.is(made.statusCode, 201);
  assert.is(made.headers['location'], '/v1/trunks/b');
  assert.equal(made.json(), { name: 'b', owner: 'api', body: { name: 'b', cps: 5 } });
  const replaced = await world.app.inject({
    method: 'PUT',
    url: '/v1/trunks/b',
    payload: { cps: 6 },
  });
  assert.is(replaced.statusCode, 200);
  assert.equal(world.trunks.objects.get('b')?.body, { name: 'b', cps: 6 });
  assert.is((await world.app.inject({ method: 'DELETE', url: '/v1/trunks/b' })).statusCode, 204);
  assert.is((await world.app.inject({ method: 'DELETE', url: '/v1/trunks/b' })).statusCode, 404);
});

test('PUT makes a trunk that is not there yet', async () => {
  const answer = await aWorld().app.inject({ method: 'PUT', url: '/v1/trunks/c', payload: {} });
  assert.is(answer.statusCode, 201);
});

test('never edits what the configuration file owns', async () => {
  const world = aWorld();
  for (const [method, url] of [
    ['POST', '/v1/trunks'],
    ['PUT', '/v1/trunks/carrier-a'],
    ['DELETE', '/v1/trunks/carrier-a'],
  ] as const) {
    const answer = await world.app.inject({
      method,
      url,
      ...(method === 'DELETE' ? {} : { payload: { name: 'carrier-a' } }),
    });
    assert.equal(
      [answer.statusCode, answer.json<ErrorAnswer>().code],
      [409, 'CONFIG_OWNED'],
      `${method} ${url}`,
    );
  }
  assert.is(world.trunks.objects.get('carrier-a')?.owner, 'config');
});

test('POST of a name that exists is 409, also when two come at once', async () => {
  const world = aWorld();
  const post = (): Promise<{ statusCode: number }> =>
    world.app.inject({ method: 'POST', url: '/v1/trunks', payload: { name: 'b' } });
  const answers = await Promise.all([post(), post(), post()]);
  assert.equal(answers.map((answer) => answer.statusCode).sort(), [201, 409, 409]);
});

test('refuses a body that the configuration would refuse, and one that names another object', async () => {
  const world = aWorld();
  const wrong = await world.app.inject({
    method: 'PUT',
    url: '/v1/trunks/b',
    payload: { cps: '5' },
  });
  assert.equal(wrong.json(), {
    code: 'REQUEST_INVALID',
    message: "cps '5': allowed is a number",
    status: 400,
  });
  const other = await world.app.inject({
    method: 'PUT',
    url: '/v1/trunks/b',
    payload: { name: 'c' },
  });
  assert.is(other.statusCode, 400);
  const nameless = await world.app.inject({ method: 'POST', url: '/v1/trunks', payload: {} });
  assert.is(nameless.statusCode, 400);
  assert.is(world.trunks.objects.size, 1);
});

test('tells when the store refuses, and goes on with the next edit', async () => {
  const world = aWorld();
  world.trunks.refusal = { code: 'STORE_UNAVAILABLE', message: 'disk full' };
  assert.is(
    (await world.app.inject({ method: 'PUT', url: '/v1/trunks/b', payload: {} })).statusCode,
    503,
  );
  world.trunks.refusal = null;
  assert.is(
    (await world.app.inject({ method: 'PUT', url: '/v1/trunks/b', payload: {} })).statusCode,
    201,
  );
});

test('never shows a password, and takes no shown one back', async () => {
  const world = aWorld();
  const payload = { auth: { username: 'u', password: 'hunter2' }, credentials: null };
  const made = await world.app.inject({ method: 'PUT', url: '/v1/trunks/b', payload });
  assert.not.match(made.body, 'hunter2');
  const read = (await world.app.inject('/v1/trunks/b')).json<{
    readonly body: { readonly auth: unknown };
  }>();
  assert.equal(read.body.auth, { username: 'u', password: '(secret)' });
  const back = await world.app.inject({ method: 'PUT', url: '/v1/trunks/b', payload: read.body });
  assert.is(back.statusCode, 400);
  assert.equal(world.trunks.objects.get('b')?.body, { name: 'b', ...payload });
});

test('names the route with the empty prefix default', async () => {
  const world = aWorld();
  const made = await world.app.inject({
    method: 'POST',
    url: '/v1/routes',
    payload: { prefix: '', trunks: ['b'] },
  });
  assert.is(made.headers['location'], '/v1/routes/default');
  assert.equal(world.routes.objects.get('default')?.body, { prefix: '', trunks: ['b'] });
  const listed = (await world.app.inject('/v1/routes')).json<{ readonly routes: unknown }>();
  assert.equal(listed.routes, [
    { name: 'default', owner: 'api', body: { prefix: '', trunks: ['b'] } },
  ]);
  const put = await world.app.inject({
    method: 'PUT',
    url: '/v1/routes/44',
    payload: { trunks: ['b'] },
  });
  assert.equal(put.json<{ readonly body: unknown }>().body, { prefix: '44', trunks: ['b'] });
});

test('names a route of one whole number by a mark and the number, in POST and in PUT', async () => {
  const world = aWorld();
  const body = { number: '112', trunks: ['carrier-a'] };
  const made = await world.app.inject({ method: 'POST', url: '/v1/routes', payload: body });
  assert.is(made.statusCode, 201, made.body);
  assert.is(made.headers['location'], '/v1/routes/number%3A112');
  const replaced = await world.app.inject({
    method: 'PUT',
    url: '/v1/routes/number:112',
    payload: { trunks: ['b'] },
  });
  assert.is(replaced.statusCode, 200, replaced.body);
  assert.equal(world.routes.objects.get('number:112')?.body, { number: '112', trunks: ['b'] });
  const other = await world.app.inject({ method: 'PUT', url: '/v1/routes/112', payload: body });
  assert.is(other.statusCode, 400);
});

test('what is still needed is not removed: 409', async () => {
  const world = aWorld();
  await world.app.inject({ method: 'PUT', url: '/v1/trunks/b', payload: {} });
  world.trunks.refusal = { code: 'NAME_IN_USE', message: 'a route names the trunk b' };
  const answer = await world.app.inject({ method: 'DELETE', url: '/v1/trunks/b' });
  assert.equal([answer.statusCode, answer.json<ErrorAnswer>().code], [409, 'NAME_IN_USE']);
});

test.run();
