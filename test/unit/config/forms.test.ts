// The forms of addresses, ranges and URIs: what is read, and what is refused.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Form } from '../../../src/config/forms.ts';
import * as forms from '../../../src/config/forms.ts';

const read = (form: Form<unknown>, text: string): unknown => {
  const result = form.read(text);
  return result.ok ? result.value : null;
};

const GOOD: readonly (readonly [form: Form<unknown>, text: string, value: unknown])[] = [
  [
    forms.SIP_LISTEN_FORM,
    'udp://127.0.0.1:5060',
    { transport: 'udp', bind: { host: '127.0.0.1', port: 5060 } },
  ],
  [
    forms.SIP_LISTEN_FORM,
    'TCP://[2001:DB8::1]:5080/',
    { transport: 'tcp', bind: { host: '2001:db8::1', port: 5080 } },
  ],
  [forms.SIP_LISTEN_FORM, 'udp://[::1]', { transport: 'udp', bind: { host: '::1', port: 5060 } }],
  [forms.HTTP_LISTEN_FORM, 'http://[::]:80/', { host: '::', port: 80 }],
  [forms.ADVERTISE_FORM, '203.0.113.5', { host: '203.0.113.5', port: 0 }],
  [forms.ADVERTISE_FORM, '2001:db8::5', { host: '2001:db8::5', port: 0 }],
  [forms.ADVERTISE_FORM, '[2001:db8::5]:5070', { host: '2001:db8::5', port: 5070 }],
  [forms.ADVERTISE_FORM, 'SBC.example.com:5070', { host: 'sbc.example.com', port: 5070 }],
  [forms.PORT_RANGE_FORM, '20000 - 20001', { portMin: 20_000, portMax: 20_001 }],
  [forms.CIDR_FORM, '192.0.2.1', '192.0.2.1/32'],
  [forms.CIDR_FORM, '0.0.0.0/0', '0.0.0.0/0'],
  [forms.CIDR_FORM, '2001:DB8:0::/32', '2001:db8::/32'],
  [forms.CIDR_FORM, '::1', '::1/128'],
  [forms.CIDR_FORM, '::ffff:192.0.2.0/120', '192.0.2.0/24'],
  [forms.CIDR_FORM, '::ffff:192.0.2.1', '192.0.2.1/32'],
  [forms.GATEWAY_URI_FORM, 'sip:192.0.2.10', { transport: 'udp', host: '192.0.2.10', port: 5060 }],
  [
    forms.GATEWAY_URI_FORM,
    'SIP:Gw.Example.com:5080;Transport=TCP',
    { transport: 'tcp', host: 'gw.example.com', port: 5080 },
  ],
  [
    forms.GATEWAY_URI_FORM,
    'sip:[2001:db8::1]:5062',
    { transport: 'udp', host: '2001:db8::1', port: 5062 },
  ],
  [
    forms.GATEWAY_URI_FORM,
    'sip:[::ffff:192.0.2.10]',
    { transport: 'udp', host: '192.0.2.10', port: 5060 },
  ],
  [forms.PREFIX_FORM, '+44', '44'],
  [forms.PREFIX_FORM, '', ''],
  [forms.PREFIX_FORM, '*31#', '*31#'],
];

for (const [form, text, value] of GOOD) {
  test(`reads ${text === '' ? '(nothing)' : text} as ${JSON.stringify(value)}`, () => {
    assert.equal(read(form, text), value);
  });
}

const REFUSED: readonly (readonly [name: string, form: Form<unknown>, texts: readonly string[]])[] =
  [
    [
      'an address',
      forms.IP_FORM,
      [
        '',
        'localhost',
        '127.1',
        '0x7f.0.0.1',
        '1.2.3.4.5',
        '256.0.0.1',
        '[::1]',
        'fe80::1%eth0',
        '1.2.3.4/32',
        '::1::2',
      ],
    ],
    [
      'a SIP listener',
      forms.SIP_LISTEN_FORM,
      [
        '',
        '127.0.0.1:5060',
        'tls://127.0.0.1',
        'udp://',
        'udp://localhost:5060',
        'udp://127.0.0.1:0',
        'udp://127.0.0.1:65536',
        'udp://127.0.0.1:x',
        'udp://::1:5060',
        'udp://127.0.0.1/x',
        'udp://[::1',
      ],
    ],
    [
      'an HTTP listener',
      forms.HTTP_LISTEN_FORM,
      ['http://127.0.0.1', 'https://127.0.0.1:443', '127.0.0.1:80', 'http://localhost:80'],
    ],
    [
      'an advertised address',
      forms.ADVERTISE_FORM,
      [
        '',
        '-x.example',
        'a..b',
        '1.2.3',
        '1.2.3.4:',
        'a b',
        '[1.2.3.4',
        `${'a'.repeat(64)}.example`,
      ],
    ],
    [
      'a port range',
      forms.PORT_RANGE_FORM,
      ['', '5', '1-', '0-10', '10-65536', '20-10', '7-7', '7-8', '8-8', '1e3-2e3'],
    ],
    [
      'a block',
      forms.CIDR_FORM,
      [
        '',
        '192.0.2.1/24',
        '192.0.2.0/33',
        '192.0.2.0/-1',
        '192.0.2.0/',
        '192.0.2.0/24/1',
        'example.com',
        '10/8',
        '::/129',
        '2001:db8::1/64',
        '::ffff:0:0/95',
        '1.2.3.4/٣',
      ],
    ],
    [
      'a gateway',
      forms.GATEWAY_URI_FORM,
      [
        'sip:0.0.0.0:5060',
        'sip:[::]:5060',
        'sip:[::ffff:0.0.0.0]',
        '',
        'sip:',
        'sips:h',
        'tel:1',
        'h',
        'sip:user@h',
        'sip:h;transport=tls',
        'sip:h;lr',
        'sip:h:0',
        'sip:2001:db8::1',
        'sip:h?x=y',
        'sip:a b',
      ],
    ],
    ['a trunk name', forms.TRUNK_NAME_FORM, ['', '-a', 'a b', 'a/b', 'ä', 'a'.repeat(65), 'a\n']],
    ['a prefix', forms.PREFIX_FORM, ['44x', '++4', '4 4', '1'.repeat(33)]],
    ['a digest word', forms.QUOTABLE_FORM, ['', 'a"b', 'a\\b', 'a\r\nb', '\u0000']],
    ['an MD5 hash', forms.HA1_MD5_FORM, ['', 'a'.repeat(31), 'g'.repeat(32)]],
    [
      'a store',
      forms.STORE_URL_FORM,
      ['', 'sqlite:', 'postgres://h/db', './x.db', 'sqlite::memory:', 'sqlite:file::memory:'],
    ],
  ];

for (const [name, form, texts] of REFUSED) {
  test(`refuses what is not ${name}`, () => {
    for (const text of texts) assert.not.ok(form.read(text).ok, `took ${JSON.stringify(text)}`);
  });
}

test('counts whole RTP and RTCP pairs of a range', () => {
  assert.is(forms.pairCount({ portMin: 20_000, portMax: 29_999 }), 5000);
  assert.is(forms.pairCount({ portMin: 20_001, portMax: 20_004 }), 1);
  assert.is(forms.pairCount({ portMin: 20_001, portMax: 20_002 }), 0);
  assert.is(forms.pairCount({ portMin: 65_534, portMax: 65_535 }), 1);
});

test.run();
