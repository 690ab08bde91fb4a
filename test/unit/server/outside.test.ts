// What the commands tell people: the first call to try, the version, facts of the machine, a probe's verdict.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LocalPoint } from '../../../src/base/index.ts';
import type { Settings } from '../../../src/config/index.ts';
import { DEMO_YAML, parseConfig } from '../../../src/config/index.ts';
import { demoHint } from '../../../src/server/demo-hint.ts';
import { numberIn, openFilesMaxIn, portRangesIn } from '../../../src/server/doctor.ts';
import { engineUrl } from '../../../src/server/engine-http.ts';
import { isFit, probeLocal } from '../../../src/server/trunk-test.ts';
import { productVersion } from '../../../src/server/version.ts';

function settingsOf(text: string): Settings {
  const result = parseConfig(text, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.settings;
}

test('the demonstration names the command that calls it', () => {
  const text = demoHint(settingsOf(DEMO_YAML)).join('\n');
  assert.match(text, /sipp 127\.0\.0\.1:5060 -sf echo-call\.xml -s 9196 -i 127\.0\.0\.1 -m 1/);
});

test('a listener of every address is called by loopback, an empty prefix by any name', () => {
  const text = demoHint(
    settingsOf(
      'listen: { sip: [{ bind: "udp://0.0.0.0:5070", advertise: 192.0.2.1 }], http: null }\nroutes: [{ prefix: "", destination: echo }]',
    ),
  ).join('\n');
  assert.match(text, 'sipp 127.0.0.1:5070 ');
  assert.match(text, '-s echo ');
});

test('no hint is given without an echo destination or without UDP', () => {
  assert.equal(demoHint(settingsOf('listen: { sip: [udp://127.0.0.1:5060], http: null }')), []);
  const tcp =
    'listen: { sip: [tcp://127.0.0.1:5060], http: null }\nroutes: [{ prefix: "", destination: echo }]';
  assert.equal(demoHint(settingsOf(tcp)), []);
});

test('the version is the package’s', () => {
  const path = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  assert.is(productVersion(), version);
});

test('the engine’s address is --url, else listen.http, else none', () => {
  const settings = settingsOf(DEMO_YAML);
  assert.is(engineUrl(settings, null), 'http://127.0.0.1:8080');
  assert.is(engineUrl(settings, 'http://192.0.2.1:1/'), 'http://192.0.2.1:1');
  const off = settingsOf('listen: { sip: [udp://127.0.0.1:5060], http: null }');
  assert.is(engineUrl(off, null), null);
});

test('kernel figures are read as they are written, and nonsense as unknown', () => {
  assert.is(numberIn('212992'), 212_992);
  assert.is(numberIn(''), null);
  assert.is(numberIn('12 kB'), null);
  assert.equal(portRangesIn('32768\t60999'), [{ portMin: 32_768, portMax: 60_999 }]);
  assert.equal(portRangesIn('8080,9148-9150'), [
    { portMin: 8080, portMax: 8080 },
    { portMin: 9148, portMax: 9150 },
  ]);
  assert.equal(portRangesIn(''), []);
});

test('the limit of open files is the hard one', () => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max processes             127235               127235               processes ',
    'Max open files            1024                 524288               files     ',
  ].join('\n');
  assert.is(openFilesMaxIn(limits), 524_288);
  assert.is(openFilesMaxIn(limits.replace('524288 ', 'unlimited')), null);
  assert.is(openFilesMaxIn(''), null);
});

test('a gateway is fit when it answers anything but 408 and 503', () => {
  const fit = (status: number | null): boolean =>
    isFit({ gateway: 'g', status, reason: '', milliseconds: 1 });
  assert.equal([200, 403, 404, 405, 481, 408, 503, null].map(fit), [
    true,
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('a probe comes from the address the node sends from, on a port of its own', () => {
  const listener: LocalPoint = {
    transport: 'udp',
    bind: { host: '10.0.0.1', port: 5060 },
    advertise: { host: '192.0.2.1', port: 5060 },
  };
  const to = (transport: 'udp' | 'tcp', host: string): LocalPoint =>
    probeLocal({ transport, host, port: 5060 }, [listener]);
  assert.equal(to('udp', '198.51.100.1'), {
    transport: 'udp',
    bind: { host: '10.0.0.1', port: 0 },
    advertise: { host: '192.0.2.1', port: 0 },
  });
  assert.is(to('tcp', '198.51.100.1').bind.host, '0.0.0.0');
  assert.is(to('udp', '2001:db8::1').bind.host, '::');
});

test.run();
