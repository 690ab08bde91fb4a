// The drain that ends the node: asked for by the API as by SIGTERM.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { World } from './fakes.ts';

test('stop is handed on as stop, and answered as any drain', async () => {
  const world = new World();
  const answer = await world.app.inject({
    method: 'POST',
    url: '/v1/drain',
    payload: { action: 'stop' },
  });
  assert.is(answer.statusCode, 200);
  assert.equal(Object.keys(answer.json<object>()), ['draining', 'calls_active']);
  assert.equal(world.drained, ['stop']);
});

test('stop is one word: nothing else means it', async () => {
  for (const action of ['STOP', 'stop ', 'kill', '']) {
    const world = new World();
    const answer = await world.app.inject({
      method: 'POST',
      url: '/v1/drain',
      payload: { action },
    });
    assert.is(answer.statusCode, 400);
    assert.equal(world.drained, []);
  }
});

test.run();
