// limit: 180s
// Draining by the API, and the end of a drain that takes too long.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/loopback.ts';
import { ECHO, ECHO_HOUSE, withHouse } from './server-harness.ts';
import { headerOf } from './server-phone.ts';

test('E21 a drain by the API refuses new calls, serves those that are up, and can be cancelled', () =>
  withHouse(async (house) => {
    const { sip } = await house.start();
    const phone = await house.phone();
    const dialog = await phone.call(ECHO, sip);
    assert.is((await phone.options(sip)).status, 200);

    const started = await house.http('POST', '/v1/drain', { action: 'start' });
    assert.equal(await started.json(), { draining: true, calls_active: 1 });
    const ready = await house.http('GET', '/readyz');
    assert.is(ready.status, 503);
    assert.equal(await ready.json(), { ready: false, reasons: ['draining'] });
    assert.is((await phone.options(sip)).status, 503);
    const refused = await phone.invite(ECHO, sip);
    assert.is(refused.status, 503);
    assert.match(headerOf(refused, 'Retry-After'), /^\d+/);
    assert.is((await phone.inDialog('OPTIONS', dialog, sip)).status, 200);
    assert.is((await phone.inDialog('BYE', dialog, sip)).status, 200);

    const cancelled = await house.http('POST', '/v1/drain', { action: 'cancel' });
    assert.is(((await cancelled.json()) as { draining: boolean }).draining, false);
    assert.is((await house.http('GET', '/readyz')).status, 200);
    assert.is((await phone.options(sip)).status, 200);
    const again = await phone.call(ECHO, sip);
    assert.is((await phone.inDialog('BYE', again, sip)).status, 200);
  }));

test('E21 at the drain limit stragglers get BYE, their records say why, and the exit status is 0', () =>
  withHouse(async (house) => {
    const engine = await house.start({ ...ECHO_HOUSE, limits: { drain_s: 1 } });
    const phone = await house.phone();
    await phone.call(ECHO, engine.sip);
    engine.signal('SIGTERM');
    await until(async () => (await engine.metric('trunkyard_draining')) === 1, {
      what: 'draining',
      limitMs: 5000,
      everyMs: 10,
    });
    // Who asked the process to end has the last word.
    const cancelled = await house.http('POST', '/v1/drain', { action: 'cancel' });
    assert.is(((await cancelled.json()) as { draining: boolean }).draining, true);
    await phone.requestComes('BYE');
    const end = await engine.ended;
    assert.is(end.code, 0, end.output);

    const again = await house.start();
    const cdrs = await again.cdrsWhenThere(1);
    assert.ok(cdrs.length > 0);
    for (const cdr of cdrs) assert.is(cdr.cause, 'NODE_STOPPED');
  }));

test('a second SIGTERM ends the calls at once', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    const phone = await house.phone();
    await phone.call(ECHO, engine.sip);
    const end = house.stop();
    await phone.requestComes('BYE');
    assert.is((await end).code, 0);
  }));

test.run();
