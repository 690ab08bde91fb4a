// The log: what an operator can look up stays, what is somebody's phone number doesn't get out.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openLog } from '../../../src/server/log.ts';

function logged(fields: Readonly<Record<string, unknown>>): string {
  const lines: string[] = [];
  openLog('info', 'test', { write: (line) => void lines.push(line) }).info(fields, 'said');
  return lines.join('');
}

test('no phone number gets out, wherever it stands and however it is spelled', () => {
  const line = logged({
    caller: '+442071234567',
    problem: 'sip:442071234567@192.0.2.1 is not a trunk’s',
    spelled: 'tel:+44-20-7123-4567 or +44(0)2071234567',
    deep: { to: ['442071234567', { uri: '<sip:+442071234567@x>' }] },
  });
  assert.not.match(line, '1234567');
  assert.not.match(line, '7123');
  assert.match(line, '44***67');
});

test('addresses, ports and identifiers can be read', () => {
  const line = logged({
    callId: 'CL0123456789',
    gateway: 'carrier/udp:192.0.2.10:15060',
    problem: "can't listen on udp://127.0.0.1:25060 and [::1]:25061",
    count: 123456,
  });
  for (const text of ['CL0123456789', '192.0.2.10:15060', '127.0.0.1:25060', '[::1]:25061']) {
    assert.match(line, text);
  }
  assert.match(line, '"count":123456');
});

test('the level can be changed while it is open', () => {
  const lines: string[] = [];
  const log = openLog('error', 'test', { write: (line) => void lines.push(line) });
  log.info({}, 'quiet');
  log.setLevel('debug');
  log.debug({}, 'loud');
  log.setLevel('silent');
  log.error({}, 'never');
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? '', '"msg":"loud"');
});

test('a line names its process', () => {
  assert.match(logged({}), '"process":"test"');
});

test.run();
