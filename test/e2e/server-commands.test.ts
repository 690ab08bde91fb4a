// limit: 180s
// The commands beside `serve`, run as an operator runs them, and the pages that monitoring reads.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ADDRESSES } from '../support/loopback.ts';
import { CALLER_TRUNK } from '../support/parties.ts';
import { ECHO, withHouse } from './server-harness.ts';

test('calls and cdr export tell of a running engine, and say so when there is none', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    const phone = await house.phone();
    const dialog = await phone.call(ECHO, engine.sip);
    const config = ['--config', house.configPath];
    const up = await house.command(...config, 'calls');
    assert.is(up.code, 0, up.output);
    assert.match(up.output, /CL[0-9a-f]{32} .* 442079460000 -> 9196 {2}callers answered PCMU/);
    assert.match(up.output, '1 call\n');
    const other = await house.command(...config, 'calls', '--trunk', 'nobody', '--json');
    assert.equal(JSON.parse(other.output), { calls: [] });

    assert.is((await phone.inDialog('BYE', dialog, engine.sip)).status, 200);
    const [cdr] = await engine.cdrsWhenThere(1);
    const csv = join(house.folder, 'out.csv');
    const exported = await house.command(...config, 'cdr', 'export', '--output', csv);
    assert.is(exported.code, 0, exported.output);
    const [head, row] = readFileSync(csv, 'utf8').split(/\r?\n/);
    assert.match(head ?? '', /^call_id,leg_id,/);
    assert.match(row ?? '', cdr?.call_id ?? 'a call');
    assert.is(statSync(csv).mode & 0o777, 0o600);
    const json = await house.command(...config, 'cdr', 'export', '--format', 'json');
    assert.is((JSON.parse(json.output) as { call_id: string }[])[0]?.call_id, cdr?.call_id);
    const unwritable = await house.command(...config, 'cdr', 'export', '-o', '/nowhere/x.csv');
    assert.is(unwritable.code, 1, unwritable.output);

    assert.is((await house.stop()).code, 0);
    const gone = await house.command(...config, 'calls');
    assert.is(gone.code, 69, gone.output);
    assert.match(gone.output, 'no engine answers');
    assert.is((await house.command(...config, 'cdr', 'export')).code, 69);
  }));

test('trunk test reports each gateway, and fails when one is not fit', () =>
  withHouse(async (house) => {
    const callee = await house.phone(ADDRESSES.callee);
    const { host, port } = callee.place;
    await house.start({
      trunks: [
        CALLER_TRUNK,
        { name: 'fit', gateways: [{ uri: `sip:${host}:${port}` }] },
        { name: 'silent', gateways: [{ uri: `sip:${ADDRESSES.spare}:9` }] },
      ],
      routes: [],
    });
    const config = ['--config', house.configPath, 'trunk', 'test'];
    const fit = await house.command(...config, 'fit');
    assert.is(fit.code, 0, fit.output);
    assert.match(fit.output, /200 OK {2}\d+ ms/);
    const silent = await house.command(...config, 'silent', '--timeout', '1', '--json');
    assert.is(silent.code, 1, silent.output);
    assert.is(
      (JSON.parse(silent.output) as { gateways: { status: null }[] }).gateways[0]?.status,
      null,
    );
    const unknown = await house.command(...config, 'nobody');
    assert.is(unknown.code, 1);
    assert.match(unknown.output, 'known: callers, fit, silent');
  }));

test('doctor and config check judge without starting anything', () =>
  withHouse(async (house) => {
    await house.start();
    const config = ['--config', house.configPath];
    const doctor = await house.command(...config, 'doctor', '--json');
    const { findings } = JSON.parse(doctor.output) as { findings: { verdict: string }[] };
    const worst = findings.some(({ verdict }) => verdict === 'error') ? 1 : 0;
    assert.is(doctor.code, worst, doctor.output);
    assert.ok(findings.length >= 7);
    assert.is((await house.command(...config, 'config', 'check')).code, 0);
    house.edit((file) => {
      file['nonsense'] = 1;
    });
    const check = await house.command(...config, 'config', 'check');
    assert.is(check.code, 78, check.output);
    assert.match(check.output, 'nonsense');
    assert.is((await house.command('no-such-command')).code, 64);
  }));

test('/metrics is text that Prometheus reads, and /healthz and /readyz answer', () =>
  withHouse(async (house) => {
    await house.start();
    assert.is((await house.http('GET', '/healthz')).status, 200);
    const ready = await house.http('GET', '/readyz');
    assert.equal(await ready.json(), { ready: true, reasons: [] });
    const answer = await house.http('GET', '/metrics');
    assert.match(answer.headers.get('content-type') ?? '', 'text/plain');
    const lines = (await answer.text()).trimEnd().split('\n');
    const sample =
      /^[a-z_][a-z0-9_]*(\{([a-z_]+="[^"]*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|NaN)$/i;
    const named = new Set<string>();
    for (const line of lines.filter((text) => text !== '' && !text.startsWith('#'))) {
      assert.match(line, sample);
      named.add(/^\w+/.exec(line)?.[0] ?? '');
    }
    for (const name of [
      'trunkyard_calls_active',
      'trunkyard_store_available',
      'trunkyard_engine_endpoints_open',
      'trunkyard_udp_no_port_drops',
      'trunkyard_sip_messages_received',
    ]) {
      assert.ok(named.has(name), name);
    }
  }));

test.run();
