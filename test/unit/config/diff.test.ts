// What a reload applies, and what it leaves for a restart.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Settings } from '../../../src/config/index.ts';
import { diffConfig, liveSettings, parseConfig } from '../../../src/config/index.ts';

function settingsOf(text: string): Settings {
  const result = parseConfig(text, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.settings;
}

const BEFORE = settingsOf('log: { level: info }');
const AFTER = settingsOf(`
listen: { sip: [udp://127.0.0.1:5070], http: null, realm: other }
media: { addresses: [{ bind: 127.0.0.2 }], threads: 2, endpoints: 3000, inactivity_s: 1, inactivity_hold_s: 2, conference_participants: 50, kernel_path: off }
store: { url: sqlite:other.db }
limits: { calls: 1, cps: 2, drain_s: 3, transactions: 4000, connections: 5, connections_per_source: 6, connection_idle_s: 70 }
trunks: [{ name: a, allow: [192.0.2.1] }]
routes: [{ prefix: "1", destination: echo }]
log: { level: warn }
`);

test('finds nothing between equal configurations', () => {
  assert.equal(diffConfig(BEFORE, settingsOf('log: { level: info }')), { live: [], restart: [] });
});

test('names every changed setting by its key and says which of them wait for a restart', () => {
  assert.equal(diffConfig(BEFORE, AFTER), {
    live: ['limits.calls', 'limits.cps', 'limits.drain_s', 'trunks', 'routes', 'log.level'],
    restart: [
      'listen.sip',
      'listen.http',
      'listen.realm',
      'media.addresses',
      'media.threads',
      'media.endpoints',
      'media.inactivity_s',
      'media.inactivity_hold_s',
      'media.conference_participants',
      'media.kernel_path',
      'store.url',
      'limits.transactions',
      'limits.connections',
      'limits.connections_per_source',
      'limits.connection_idle_s',
    ],
  });
});

test('applies exactly the settings it calls live', () => {
  const applied = liveSettings(BEFORE, AFTER);
  assert.equal(diffConfig(BEFORE, applied), { live: diffConfig(BEFORE, AFTER).live, restart: [] });
  assert.equal(diffConfig(applied, AFTER), {
    live: [],
    restart: diffConfig(BEFORE, AFTER).restart,
  });
});

test('says that more calls need more endpoints than the engine started with', () => {
  assert.equal(diffConfig(BEFORE, settingsOf('limits: { calls: 2001 }')), {
    live: ['limits.calls'],
    restart: ['media.endpoints'],
  });
});

test.run();
