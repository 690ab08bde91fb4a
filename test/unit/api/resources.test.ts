// The HTTP resources: health, calls, records, draining, and what is refused.
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  aLiveCall,
  anId,
  aRecord,
  World,
  type CallAnswer,
  type CallListAnswer,
  type CdrListAnswer,
  type ErrorAnswer,
} from './fakes.ts';

test('is alive and ready when nothing speaks against it', async () => {
  const world = new World();
  const alive = await world.app.inject('/healthz');
  const ready = await world.app.inject('/readyz');
  assert.is(alive.statusCode, 200);
  assert.equal([ready.statusCode, ready.json()], [200, { ready: true, reasons: [] }]);
});

test('is alive but not ready, with every reason, while draining with the store gone', async () => {
  const world = new World();
  world.reasons = ['draining', 'store_unavailable'];
  assert.is((await world.app.inject('/healthz')).statusCode, 200);
  const ready = await world.app.inject('/readyz');
  assert.equal(
    [ready.statusCode, ready.json()],
    [503, { ready: false, reasons: ['draining', 'store_unavailable'] }],
  );
});

test('hands out the metrics text with its own content type', async () => {
  const answer = await new World().app.inject('/metrics');
  assert.is(answer.headers['content-type'], 'text/plain; version=0.0.4');
  assert.is(answer.body, 'trunkyard_calls 1\n');
});

test('a fault of ours answers 500 without its details', async () => {
  const world = new World();
  world.metricsFail = true;
  const answer = await world.app.inject('/metrics');
  assert.is(answer.statusCode, 500);
  assert.is(answer.json<ErrorAnswer>().code, 'INTERNAL_FAULT');
  assert.not.match(answer.body, 'secret detail');
});

test('pages through live calls without repeating or losing one', async () => {
  const world = new World();
  world.live = [1, 2, 3, 4, 5].map(aLiveCall);
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null && pages < 5; pages += 1) {
    const url: string = `/v1/calls?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const answer = await world.app.inject(url);
    assert.is(answer.statusCode, 200);
    const body = answer.json<CallListAnswer>();
    seen.push(...body.calls.map((call) => call.call_id));
    cursor = body.next_cursor;
  }
  assert.equal(seen, [1, 2, 3, 4, 5].map(anId));
});

test('goes on with later calls when the call of the cursor has ended', async () => {
  const world = new World();
  world.live = [1, 2, 3, 4].map(aLiveCall);
  const first = (await world.app.inject('/v1/calls?limit=2')).json<CallListAnswer>();
  world.live = [aLiveCall(1), aLiveCall(3), aLiveCall(4)];
  const rest = (
    await world.app.inject(`/v1/calls?cursor=${first.next_cursor}`)
  ).json<CallListAnswer>();
  assert.equal(
    rest.calls.map((call) => call.call_id),
    [anId(3), anId(4)],
  );
});

test('shows a live call in full and a finished one by its records', async () => {
  const world = new World();
  world.live = [aLiveCall(1)];
  world.records = [aRecord(2)];
  const live = (await world.app.inject(`/v1/calls/${anId(1)}`)).json<CallAnswer>();
  assert.is(live.live?.legs[0]?.caller, '442071838750');
  assert.is(live.live?.started_at, '2026-03-01T09:30:00.001Z');
  assert.equal(live.cdrs, []);
  const finished = (await world.app.inject(`/v1/calls/${anId(2)}`)).json<CallAnswer>();
  assert.is(finished.live, null);
  assert.is(finished.cdrs[0]?.cause, 'CALLEE_BUSY');
});

test('shows a live call while the store is gone', async () => {
  const world = new World();
  world.live = [aLiveCall(1)];
  world.storeError = { code: 'STORE_UNAVAILABLE', message: 'disk full', retryAfterS: 2.5 };
  assert.is((await world.app.inject(`/v1/calls/${anId(1)}`)).statusCode, 200);
  const answer = await world.app.inject(`/v1/calls/${anId(2)}`);
  assert.equal(answer.json(), { code: 'STORE_UNAVAILABLE', message: 'disk full', status: 503 });
  assert.is(answer.headers['retry-after'], '3');
});

test('orders a hang-up of a live call and answers 404 for any other', async () => {
  const world = new World();
  world.live = [aLiveCall(1)];
  const done = await world.app.inject({ method: 'DELETE', url: `/v1/calls/${anId(1)}` });
  assert.equal([done.statusCode, done.json()], [202, { call_id: anId(1), hang_up: 'ordered' }]);
  for (const id of [anId(9), 'CLzz', '1', '%00']) {
    assert.is(
      (await world.app.inject({ method: 'DELETE', url: `/v1/calls/${id}` })).statusCode,
      404,
    );
  }
});

test('starts and cancels draining', async () => {
  const world = new World();
  world.live = [aLiveCall(1)];
  const start = await world.app.inject({
    method: 'POST',
    url: '/v1/drain',
    payload: { action: 'start' },
  });
  assert.equal(start.json(), { draining: true, calls_active: 1 });
  await world.app.inject({ method: 'POST', url: '/v1/drain', payload: { action: 'cancel' } });
  assert.equal(world.drained, ['start', 'cancel']);
});

test('G18 gives records as JSON pages with values as they are', async () => {
  const world = new World();
  world.records = [1, 2, 3].map(aRecord);
  const page = (
    await world.app.inject(
      '/v1/cdrs?limit=2&trunk=carrier-a&from=2026-03-01&to=2026-03-02T00:00:00%2B01:00',
    )
  ).json<CdrListAnswer>();
  assert.is(page.cdrs.length, 2);
  assert.is(page.next_cursor, '2');
  assert.is(page.resume_cursor, '2');
  assert.is(page.cdrs[0]?.caller, '=1+1');
  assert.is(page.cdrs[0]?.mos, null);
  assert.equal(world.queries[0], {
    limit: 2,
    trunk: 'carrier-a',
    from: 1_772_323_200_000,
    to: 1_772_406_000_000,
  });
});

test('G18 streams all records as CSV when no limit is given', async () => {
  const world = new World();
  world.records = Array.from({ length: 2_500 }, (_, i) => aRecord(i));
  const answer = await world.app.inject('/v1/cdrs?format=csv');
  assert.is(answer.statusCode, 200);
  assert.match(String(answer.headers['content-type']), /^text\/csv/);
  const lines = answer.body.split('\r\n');
  assert.is(lines.length, 2_502);
  assert.match(lines[1] ?? '', `,'=1+1,`);
  assert.equal(
    world.queries.map((query) => query.limit),
    [1_000, 1_000, 1_000],
  );
});

test('gives one page of CSV and the next cursor when a limit is given', async () => {
  const world = new World();
  world.records = [1, 2, 3].map(aRecord);
  const answer = await world.app.inject('/v1/cdrs?format=csv&limit=2');
  assert.is(answer.body.split('\r\n').length, 4);
  assert.is(answer.headers['x-next-cursor'], '2');
  assert.is(answer.headers['x-resume-cursor'], '2');
});

test('answers 503 in JSON when the store refuses before the export has begun', async () => {
  const world = new World();
  world.storeError = { code: 'STORE_UNAVAILABLE', message: 'disk full' };
  const answer = await world.app.inject('/v1/cdrs?format=csv');
  assert.is(answer.statusCode, 503);
  assert.is(answer.json<ErrorAnswer>().code, 'STORE_UNAVAILABLE');
});

test('breaks the connection off when the store fails in the middle of an export', async () => {
  const world = new World();
  world.records = Array.from({ length: 1_500 }, (_, i) => aRecord(i));
  world.pagesMax = 1;
  const outcome = await world.app.inject('/v1/cdrs?format=csv').then(
    () => 'complete',
    () => 'broken off',
  );
  assert.is(outcome, 'broken off');
});

const REFUSED: readonly (readonly [
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH',
  url: string,
  status: number,
  code: string,
  payload?: string,
])[] = [
  ['GET', '/v1/cdrs?limit=0', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?limit=1001', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?limit=1e2', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?limit=1&limit=2', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?from=yesterday', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?from=2026-13-01', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?from=2026-03-01T00:00:00', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?format=xml', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/cdrs?form=csv', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/calls?cursor=nonsense', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/calls/%zz', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/trunks?limit=1', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/routes?cursor=x', 400, 'REQUEST_INVALID'],
  ['GET', '/v1/nothing', 404, 'RESOURCE_NOT_FOUND'],
  ['GET', '/', 404, 'RESOURCE_NOT_FOUND'],
  ['GET', '/v1/calls/CL1', 404, 'RESOURCE_NOT_FOUND'],
  ['GET', `/v1/calls/${'9'.repeat(300)}`, 400, 'REQUEST_INVALID'],
  ['POST', '/v1/calls', 405, 'METHOD_NOT_ALLOWED', '{}'],
  ['DELETE', '/healthz', 405, 'METHOD_NOT_ALLOWED'],
  ['PATCH', '/v1/trunks/a', 405, 'METHOD_NOT_ALLOWED', '{}'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '{"action":"now"}'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '{"action":1}'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '{"action":"start","force":true}'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '[]'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '{"action":'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', '{"__proto__":{"action":"start"}}'],
  ['POST', '/v1/drain', 400, 'REQUEST_INVALID', ''],
  ['POST', '/v1/drain', 413, 'BODY_TOO_LARGE', `{"action":"${'x'.repeat(70_000)}"}`],
  ['PUT', '/v1/trunks/a', 400, 'REQUEST_INVALID', '"text"'],
  ['PUT', '/v1/trunks/a', 400, 'REQUEST_INVALID', 'null'],
];

for (const [method, url, status, code, payload] of REFUSED) {
  const shown = payload === undefined ? '' : ` ${payload.slice(0, 40)}`;
  test(`refuses ${method} ${url.slice(0, 50)}${shown} with ${status} ${code}`, async () => {
    const world = new World();
    const answer = await world.app.inject({
      method,
      url,
      ...(payload === undefined
        ? {}
        : { payload, headers: { 'content-type': 'application/json' } }),
    });
    assert.is(answer.statusCode, status);
    const body = answer.json<ErrorAnswer>();
    assert.equal(Object.keys(body), ['code', 'message', 'status']);
    assert.equal([body.code, body.status], [code, status]);
    assert.type(body.message, 'string');
    assert.equal(world.drained, []);
  });
}

test('names the methods a path knows', async () => {
  const answer = await new World().app.inject({ method: 'PUT', url: `/v1/calls/${anId(1)}` });
  assert.is(answer.headers['allow'], 'DELETE, GET, HEAD');
});

test('takes no body but JSON', async () => {
  const answer = await new World().app.inject({
    method: 'POST',
    url: '/v1/drain',
    payload: 'action=start',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.equal(
    [answer.statusCode, answer.json<ErrorAnswer>().code],
    [415, 'CONTENT_TYPE_UNSUPPORTED'],
  );
});

test('answers to its own names and addresses only, whatever the port', async () => {
  const { app } = new World();
  for (const host of [
    'localhost',
    'LOCALHOST:1',
    'node.example.',
    '127.0.0.1:8080',
    '[::1]:8080',
  ]) {
    const answer = await app.inject({ url: '/healthz', headers: { host } });
    assert.is(answer.statusCode, 200, host);
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:8080']) {
    const answer = await app.inject({ url: '/v1/drain', method: 'POST', headers: { host } });
    assert.equal([answer.statusCode, answer.json<ErrorAnswer>().code], [421, 'HOST_UNKNOWN'], host);
  }
});

/** What comes back for bytes that are sent as they are. */
async function rawAnswer(app: FastifyInstance, bytes: string): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes);
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) text += String(chunk);
  await app.close();
  return text;
}

test('answers a head that is too large, and what is no HTTP, in the shape of all failures', async () => {
  const large = `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`;
  for (const [bytes, status] of [
    [large, 431],
    ['HELO you\r\n\r\n', 400],
  ] as const) {
    const text = await rawAnswer(new World().app, bytes);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as ErrorAnswer;
    assert.equal([body.code, body.status], ['REQUEST_INVALID', status]);
  }
});

test.run();
