// From URI to address: transports, default ports, sips, maddr, and what leads nowhere.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sendTargetOfText } from '../../../../src/sip/dialog/send-target.ts';

test('names transport, host and port as RFC 3261 §19.1.2 and RFC 7118 say', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['sip:bob@192.0.2.4', 'udp 192.0.2.4 5060'],
    ['sip:192.0.2.4:5080', 'udp 192.0.2.4 5080'],
    ['sip:bob@Example.NET;transport=TCP', 'tcp example.net 5060'],
    ['sip:bob@[2001:db8::9]:5070', 'udp 2001:db8::9 5070'],
    ['sip:bob@[2001:db8::9]', 'udp 2001:db8::9 5060'],
    ['sip:bob@example.net;transport=tls', 'tls example.net 5061'],
    ['sips:bob@example.net', 'tls example.net 5061'],
    ['sips:bob@example.net;transport=tcp', 'tls example.net 5061'],
    ['sips:bob@example.net:5099;transport=ws', 'wss example.net 5099'],
    ['sip:bob@example.net;transport=ws', 'ws example.net 80'],
    ['sip:bob@example.net;transport=wss', 'wss example.net 443'],
    ['sip:bob@example.net;maddr=192.0.2.5', 'udp 192.0.2.5 5060'],
    ['sip:bob@example.net;maddr=[2001:db8::5]', 'udp 2001:db8::5 5060'],
  ];
  for (const [uri, expected] of cases) {
    const target = sendTargetOfText(uri);
    assert.ok(target.ok, uri);
    const { transport, host, port } = target.value;
    assert.is(`${transport} ${host} ${port}`, expected, uri);
  }
});

test('refuses other schemes, unknown transports, sips over UDP and port 0', () => {
  const uris = [
    'tel:+441234',
    'urn:service:sos',
    'sip:b@x;transport=sctp',
    'sips:b@x;transport=udp',
  ];
  for (const uri of uris) {
    const target = sendTargetOfText(uri);
    assert.ok(!target.ok, uri);
    if (!target.ok) assert.is(target.error.code, 'URI_UNSUPPORTED', uri);
  }
});

test.run();
