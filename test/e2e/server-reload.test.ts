// limit: 180s
// Changes while it runs: the configuration file by SIGHUP, trunks and routes by the API, and who owns what.
import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ADDRESSES, until } from '../support/loopback.ts';
import { CALLER_TRUNK } from '../support/parties.ts';
import type { House } from './server-harness.ts';
import { ECHO, withHouse } from './server-harness.ts';
import type { Phone } from './server-phone.ts';

const LIMIT_MS = 8_000;

/** Sends SIGHUP and waits until the log says what became of it. */
async function reload(house: House, message: string): Promise<void> {
  const count = (): number => house.engine.output().split(message).length;
  const before = count();
  house.engine.signal('SIGHUP');
  await until(() => count() > before, { what: message, limitMs: LIMIT_MS });
}

async function statusOf(house: House, phone: Phone, called: string): Promise<number> {
  const { sip } = house.engine;
  const { status } = await phone.invite(called, sip);
  return status;
}

test('SIGHUP applies trunks, routes and limits at once, and a call that is up goes on', () =>
  withHouse(async (house) => {
    await house.start();
    const { sip } = house.engine;
    const phone = await house.phone();
    const dialog = await phone.call(ECHO, sip);
    assert.is(await statusOf(house, phone, '9197'), 404);
    const stranger = await house.phone(ADDRESSES.spare);
    assert.is(await statusOf(house, stranger, '9197'), 403);
    house.edit((file) => {
      file['trunks'] = [
        CALLER_TRUNK,
        { name: 'spare', allow: [`${ADDRESSES.spare}/32`], channels: 1 },
      ];
      file['routes'] = [{ number: '9197', destination: 'echo' }];
    });
    await reload(house, 'configuration applied');
    assert.is(await statusOf(house, phone, '9197'), 200);
    assert.is(await statusOf(house, phone, ECHO), 404);
    assert.is(await statusOf(house, stranger, '9197'), 200);
    assert.is(await statusOf(house, stranger, '9197'), 503);
    house.edit((file) => {
      file['limits'] = { ...(file['limits'] as object), calls: 3 };
    });
    await reload(house, 'configuration applied');
    assert.is(await statusOf(house, phone, '9197'), 503);
    assert.is((await phone.inDialog('BYE', dialog, sip)).status, 200);
    assert.is((await house.stop()).code, 0);
  }));

test('SIGHUP with an error in the file changes nothing, and says what is wrong', () =>
  withHouse(async (house) => {
    await house.start();
    const phone = await house.phone();
    house.edit((file) => {
      file['trunks'] = [{ name: 'spare', allow: [`${ADDRESSES.spare}/32`] }];
      file['routes'] = [{ number: '9197', destination: 'nowhere' }];
    });
    await reload(house, 'configuration not applied');
    assert.match(house.engine.output(), 'nowhere');
    assert.is(await statusOf(house, phone, ECHO), 200);
    assert.is(await statusOf(house, phone, '9197'), 404);

    writeFileSync(house.configPath, '{ not yaml');
    await reload(house, 'configuration not applied');
    assert.is(await statusOf(house, phone, ECHO), 200);
    assert.is((await house.stop()).code, 0);
  }));

test('a trunk and a route made by the API take a call at once and survive a restart; the file’s answer 409', () =>
  withHouse(async (house) => {
    await house.start();
    const callee = await house.phone(ADDRESSES.callee);
    const phone = await house.phone();
    const { host, port } = callee.place;
    const made = await house.http('POST', '/v1/trunks', {
      name: 'made',
      gateways: [{ uri: `sip:${host}:${port}` }],
      credentials: { username: 'u', password: 'geheim', realm: null },
    });
    assert.is(made.status, 201);
    assert.not.match(await made.text(), 'geheim');
    const route = { prefix: '44', trunks: ['made'] };
    assert.is((await house.http('POST', '/v1/routes', route)).status, 201);
    assert.is(await statusOf(house, phone, '442079460000'), 200);
    assert.ok(callee.answered !== null);

    for (const [method, path] of [
      ['PUT', '/v1/trunks/callers'],
      ['DELETE', '/v1/trunks/callers'],
      ['DELETE', `/v1/routes/number:${ECHO}`],
    ] as const) {
      const body = method === 'PUT' ? { name: 'callers' } : undefined;
      const answer = await house.http(method, path, body);
      assert.is(answer.status, 409, `${method} ${path}: ${await answer.text()}`);
    }
    // The file can't take a name that the API made, at a reload no more than at a start.
    house.edit((file) => {
      file['trunks'] = [CALLER_TRUNK, { name: 'made' }];
    });
    await reload(house, 'configuration not applied');
    assert.is((await house.stop()).code, 0);
    const clash = await house.command('serve', '--config', house.configPath);
    assert.is(clash.code, 78, clash.output);
    assert.match(
      clash.output,
      /trunkyard\.yaml:\d+:\d+: error: trunks\[\d\]\.name: made: is the name of a trunk that was made through the API/,
    );

    await house.start();
    callee.answered = null;
    assert.is(await statusOf(house, phone, '442079460000'), 200);
    assert.ok(callee.answered !== null);
    assert.is((await house.http('DELETE', '/v1/trunks/made')).status, 409);
    assert.is((await house.http('DELETE', '/v1/routes/44')).status, 204);
    assert.is((await house.http('DELETE', '/v1/trunks/made')).status, 204);
    assert.is(await statusOf(house, phone, '442079460000'), 404);
    assert.is((await house.stop()).code, 0);
  }));

test.run();
