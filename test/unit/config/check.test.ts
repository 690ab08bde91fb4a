// Settings checked against each other.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findingText, parseConfig, portsNeeded } from '../../../src/config/index.ts';

function linesOf(text: string): readonly string[] {
  const result = parseConfig(text, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  return (result.ok ? result.value.warnings : result.error).map(findingText);
}

const trunks = (...lines: readonly string[]): string =>
  `trunks:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
const routes = (...lines: readonly string[]): string =>
  `routes:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
const TRUNK_A = '{ name: a, gateways: [{ uri: "sip:192.0.2.1" }] }';

const CASES: readonly (readonly [name: string, yaml: string, lines: readonly string[]])[] = [
  [
    'an error for two trunks of one name',
    trunks(TRUNK_A, TRUNK_A),
    ['t:3:13: error: trunks[1].name: a: is the name of another trunk too'],
  ],
  [
    'an error for one block in two trunks, however it is written',
    trunks('{ name: a, allow: [192.0.2.1] }', '{ name: b, allow: ["::ffff:192.0.2.1"] }'),
    [
      't:3:24: error: trunks[1].allow[0]: ::ffff:192.0.2.1: is allowed by trunk a too, so a call could be either’s',
    ],
  ],
  [
    'a warning for a block twice in one trunk',
    trunks('{ name: a, allow: [192.0.2.1, 192.0.2.1/32] }'),
    ['t:2:35: warning: trunks[0].allow[1]: 192.0.2.1/32: stands in this list twice'],
  ],
  [
    'a warning for a block inside another trunk’s',
    trunks('{ name: a, allow: [10.0.0.0/8] }', '{ name: b, allow: [10.1.0.0/16] }'),
    [
      't:3:24: warning: trunks[1].allow[0]: 10.1.0.0/16: lies inside 10.0.0.0/8 of trunk a; calls from it are trunk b’s, as the longest block wins',
    ],
  ],
  [
    'nothing for nested blocks of one trunk',
    trunks('{ name: a, allow: [10.0.0.0/8, 10.1.0.0/16] }'),
    [],
  ],
  [
    'nothing for equal numbers of two address families',
    trunks('{ name: a, allow: [0.0.0.0/1] }', '{ name: b, allow: ["::/1"] }'),
    [],
  ],
  [
    'a warning for a trunk that anyone may use',
    trunks('{ name: a, allow: [0.0.0.0/0] }'),
    ['t:2:24: warning: trunks[0].allow[0]: 0.0.0.0/0: lets anyone place calls over this trunk'],
  ],
  [
    'an error for one user name in two trunks',
    trunks(
      '{ name: a, auth: { username: u, password: p } }',
      '{ name: b, auth: { username: u, password: q } }',
    ),
    [
      't:3:34: error: trunks[1].auth.username: u: is the user name of trunk a too, so it can’t tell them apart',
    ],
  ],
  [
    'an error for credentials without proof',
    trunks('{ name: a, auth: { username: u } }'),
    [
      't:2:22: error: trunks[0].auth: has neither a password nor a hash (allowed: either password, or ha1_md5 and/or ha1_sha256)',
    ],
  ],
  [
    'a warning for a trunk that no call can use',
    trunks('{ name: a }'),
    ['t:2:5: warning: trunks[0]: a: has no allow, no auth and no gateways, so no call can use it'],
  ],
  [
    'an error for digits without a codec to talk with',
    trunks('{ name: a, allow: [192.0.2.1], codecs: [telephone-event] }'),
    ['t:2:44: error: trunks[0].codecs: telephone-event: has no audio codec'],
  ],
  [
    'an error for a gateway twice, however it is written',
    trunks(
      '{ name: a, gateways: [{ uri: "sip:GW.example:5060" }, { uri: "sip:gw.example;transport=UDP" }] }',
    ),
    [
      't:2:66: error: trunks[0].gateways[1].uri: sip:gw.example;transport=UDP: is a gateway of this trunk already',
    ],
  ],
  [
    'an error for a route to a trunk that is not there, with the likely one',
    trunks('{ name: carrier-a, gateways: [{ uri: "sip:192.0.2.1" }] }') +
      routes('{ prefix: "1", trunks: [carier-a] }'),
    [
      't:4:29: error: routes[0].trunks[0]: carier-a: is not the name of a trunk; did you mean carrier-a?',
    ],
  ],
  [
    'no second error for a route to a trunk whose name is wrong',
    trunks('{ name: "a b", gateways: [] }') + routes('{ prefix: "1", trunks: [a] }'),
    [
      't:2:13: error: trunks[0].name: a b: is not a name (allowed: 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit)',
    ],
  ],
  [
    'a warning for a route to a trunk without gateways',
    trunks('{ name: a, allow: [192.0.2.1] }') + routes('{ prefix: "1", trunks: [a] }'),
    ['t:4:29: warning: routes[0].trunks[0]: a: has no gateways, so this route can’t use it'],
  ],
  [
    'an error for two routes of one prefix, with and without plus',
    trunks(TRUNK_A) + routes('{ prefix: "44", trunks: [a] }', '{ prefix: "+44", trunks: [a] }'),
    ['t:5:15: error: routes[1].prefix: +44: matches the same as routes[0].prefix 44'],
  ],
  [
    'an error for a prefix of a plus alone, which would take every number',
    routes('{ prefix: "+", destination: echo }'),
    [
      't:2:15: error: routes[0].prefix: +: would match every number and not only those with a +, for a + is not compared (allowed: up to 32 of 0-9 * #, with or without a leading +; empty matches every number)',
    ],
  ],
  [
    'nothing for a prefix and a whole number of the same digits',
    routes('{ prefix: "44", destination: echo }', '{ number: "44", destination: echo }'),
    [],
  ],
  [
    'an error for a route that matches nothing and leads nowhere',
    routes('{}'),
    [
      't:2:5: error: routes[0]: matches nothing (allowed: exactly one of prefix and number)',
      't:2:5: error: routes[0]: leads nowhere (allowed: exactly one of trunks and destination)',
    ],
  ],
  [
    'an error for one listening address twice',
    'listen: { sip: [udp://127.0.0.1, tcp://127.0.0.1:8080, "udp://127.0.0.1:5060"] }',
    [
      't:1:56: error: listen.sip[2]: udp://127.0.0.1:5060: is the same listening address as listen.sip[0]',
      't:1:9: error: listen.http: http://127.0.0.1:8080: is the same listening address as listen.sip[1]',
    ].reverse(),
  ],
  [
    'a warning for a listener on every interface without an address for peers',
    'listen: { sip: [udp://0.0.0.0:5060, { bind: "tcp://0.0.0.0:5060", advertise: 192.0.2.1 }] }',
    [
      't:1:17: warning: listen.sip[0]: udp://0.0.0.0:5060: peers would be told 0.0.0.0 in Via and Contact and could not send to it (allowed: {bind, advertise} with an address that peers reach)',
    ],
  ],
  [
    'a warning for media on every interface without an address for peers',
    'media: { addresses: [{ bind: 0.0.0.0 }, { bind: "::", advertise: "2001:db8::1" }] }',
    [
      't:1:30: warning: media.addresses[0].bind: 0.0.0.0: peers would be told this address in SDP, where it means hold, and no media would come (allowed: one address, or `advertise` with an address that peers reach)',
    ],
  ],
  [
    'an error for media ports that hold the SIP port',
    'media: { addresses: [{ bind: 127.0.0.1, ports: 5000-19999 }] }',
    ['t:1:48: error: media.addresses[0].ports: 5000-19999: holds the SIP port 5060 of listen.sip'],
  ],
  [
    'nothing for media ports that hold the SIP port of another address',
    'media: { addresses: [{ bind: 127.0.0.2, ports: 5000-19999 }] }',
    [],
  ],
  [
    'an error for port ranges that overlap',
    'media: { addresses: [{ bind: 127.0.0.1, ports: 20000-29999 }, { bind: 127.0.0.1, ports: 29998-39999 }] }',
    ['t:1:89: error: media.addresses[1].ports: 29998-39999: overlaps 20000-29999 of 127.0.0.1'],
  ],
  [
    'a warning for ports that make no pair',
    'media: { addresses: [{ bind: 127.0.0.1, ports: 20001-39999 }] }',
    [
      't:1:48: warning: media.addresses[0].ports: 20001-39999: begins with an odd or ends with an even port, which stays unused',
    ],
  ],
  [
    'a warning with the figures when ports can’t rest',
    'limits: { calls: 100, cps: 100 }\nmedia: { addresses: [{ bind: 127.0.0.1, ports: 20000-20999 }] }',
    [
      't:2:48: warning: media.addresses[0].ports: 1000 ports: can’t rest at the configured rate: limits.cps 100 x 2 legs x 2 ports x 2 s = 800 resting, and limits.calls 100 x 4 = 400 in use (allowed: 1200 ports or more, or lower limits)',
    ],
  ],
  [
    'an error when the media threads can’t hold the calls',
    'limits: { calls: 9000 }\nmedia: { addresses: [{ bind: 127.0.0.1, ports: 10000-59999 }] }',
    [
      't:1:18: error: limits.calls: 9000: a media thread holds 16384 endpoints, 1 hold 16384, and each call needs 2 (allowed: 8192 or fewer, or more media.threads)',
    ],
  ],
  [
    'an error for an advertised media address of the other family, and none for one of its own',
    'media: { addresses: [{ bind: 127.0.0.1, advertise: "2001:db8::1" }, { bind: "::1", advertise: 192.0.2.1, ports: 30000-39999 }, { bind: "::2", advertise: "2001:db8::1" }] }',
    [
      't:1:52: error: media.addresses[0].advertise: 2001:db8::1: is not of the family of 127.0.0.1, and what peers send to it can’t come in there (allowed: an IPv4 address)',
      't:1:95: error: media.addresses[1].advertise: 192.0.2.1: is not of the family of ::1, and what peers send to it can’t come in there (allowed: an IPv6 address)',
    ],
  ],
  [
    'a warning for digits that a trunk which never transcodes can’t convert',
    trunks(
      '{ name: a, allow: [192.0.2.1], transcode: never, dtmf: info }',
      '{ name: b, allow: [192.0.2.2], transcode: never, dtmf: inband }',
      '{ name: c, allow: [192.0.2.3], transcode: never, dtmf: rfc4733 }',
      '{ name: d, allow: [192.0.2.4], dtmf: info }',
    ),
    [
      't:2:60: warning: trunks[0].dtmf: info: digits that come by INFO are said to no peer of another kind, for that takes audio of our making, and `transcode` is never (allowed: auto or rfc4733, or another `transcode`)',
      't:3:60: warning: trunks[1].dtmf: inband: tones are neither heard nor made, for that takes decoded audio, and `transcode` is never (allowed: auto or rfc4733, or another `transcode`)',
    ],
  ],
  [
    'a warning when the engine’s endpoints run out first',
    'media: { endpoints: 100 }',
    [
      't:1:21: warning: media.endpoints: 100: is reached before limits.calls: 2000 calls have 4000 legs (allowed: 4000 or more, or null)',
    ],
  ],
  ...[
    ['""', '(empty)', 'is empty'],
    ['/dev/null', '/dev/null', 'is of the kernel’s own, where no folder can be made'],
    ['/proc/x', '/proc/x', 'is of the kernel’s own, where no folder can be made'],
    ['/tmp/../sys', '/tmp/../sys', 'is of the kernel’s own, where no folder can be made'],
    ['12', '12', 'is a number; ./12 would be a folder'],
  ].map(
    ([written = '', shown = '', problem = '']) =>
      [
        `an error for ${written} as a folder of media`,
        `media: { folder: ${written} }`,
        [
          `t:1:18: error: media.folder: ${shown}: ${problem} (allowed: a path outside of /proc, /sys and /dev, but /dev/shm; taken from where the process starts when it is relative)`,
        ],
      ] as const,
  ),
  ...['/dev/shm', '/dev/shm/media', './12', 'processes', '/srv/proc'].map(
    (folder) =>
      [`nothing for ${folder} as a folder of media`, `media: { folder: ${folder} }`, []] as const,
  ),
  [
    'an error for a gateway that is one of our own listening points',
    `listen: { sip: [udp://0.0.0.0:5060, { bind: "tcp://192.0.2.9:5062", advertise: "sbc.example:5070" }] }\n${trunks(
      '{ name: a, gateways: [{ uri: "sip:127.0.0.1" }] }',
      '{ name: b, gateways: [{ uri: "sip:192.0.2.9:5062;transport=tcp" }, { uri: "sip:192.0.2.9:5062" }] }',
      '{ name: c, gateways: [{ uri: "sip:sbc.example:5070;transport=tcp" }] }',
    )}`,
    [
      't:1:17: warning: listen.sip[0]: udp://0.0.0.0:5060: peers would be told 0.0.0.0 in Via and Contact and could not send to it (allowed: {bind, advertise} with an address that peers reach)',
      't:3:34: error: trunks[0].gateways[0].uri: sip:127.0.0.1: is this node itself (listen.sip udp://0.0.0.0:5060): its calls would come back for ever',
      't:4:34: error: trunks[1].gateways[0].uri: sip:192.0.2.9:5062;transport=tcp: is this node itself (listen.sip tcp://192.0.2.9:5062): its calls would come back for ever',
      't:5:34: error: trunks[2].gateways[0].uri: sip:sbc.example:5070;transport=tcp: is this node itself (listen.sip tcp://192.0.2.9:5062): its calls would come back for ever',
    ],
  ],
  [
    'an error for our own listening point in whatever spelling, and none for others of the same host',
    `listen: { sip: [udp://127.0.0.1:5060, "tcp://[::1]:5062"] }\n${trunks(
      '{ name: a, gateways: [{ uri: "sip:localhost" }, { uri: "sip:localhost.:5062;transport=tcp" }] }',
      '{ name: b, gateways: [{ uri: "sip:[::ffff:127.0.0.1]" }, { uri: "sip:[0:0::1]:5062;transport=tcp" }] }',
      '{ name: c, gateways: [{ uri: "sip:localhost:5061" }, { uri: "sip:127.0.0.2" }, { uri: "sip:[::1]" }] }',
    )}`,
    [
      't:3:34: error: trunks[0].gateways[0].uri: sip:localhost: is this node itself (listen.sip udp://127.0.0.1:5060): its calls would come back for ever',
      't:3:60: error: trunks[0].gateways[1].uri: sip:localhost.:5062;transport=tcp: is this node itself (listen.sip tcp://[::1]:5062): its calls would come back for ever',
      't:4:34: error: trunks[1].gateways[0].uri: sip:[::ffff:127.0.0.1]: is this node itself (listen.sip udp://127.0.0.1:5060): its calls would come back for ever',
      't:4:69: error: trunks[1].gateways[1].uri: sip:[0:0::1]:5062;transport=tcp: is this node itself (listen.sip tcp://[::1]:5062): its calls would come back for ever',
    ],
  ],
  [
    'an error for a multicast address to bind',
    'listen: { sip: [udp://224.0.0.1:5060] }\nmedia: { addresses: [{ bind: 224.0.0.1, ports: 20000-29999 }] }',
    [
      't:1:17: error: listen.sip[0]: udp://224.0.0.1:5060: is a multicast address, on which no call can be taken (allowed: udp://ADDRESS:PORT or tcp://ADDRESS:PORT, IPv6 in brackets; the port is 5060 when left out)',
      't:2:30: error: media.addresses[0].bind: 224.0.0.1: is a multicast address, on which no call can be taken (allowed: an IPv4 or IPv6 address)',
    ],
  ],
];

for (const [name, yaml, lines] of CASES) {
  test(`gives ${name}`, () => {
    assert.equal(linesOf(yaml), lines);
  });
}

test('warns of addresses to bind that this machine doesn’t have', () => {
  const yaml =
    'listen: { sip: [udp://192.0.2.77:5060, udp://127.0.0.5:5060], http: "http://192.0.2.1:8080" }\nmedia: { addresses: [{ bind: "2001:DB8::2", ports: 20000-39999 }] }';
  const config = parseConfig(yaml, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
    localAddresses: ['127.0.0.1', '192.0.2.1'],
  });
  const problem = 'is no address of this machine, so nothing can listen on it here';
  assert.equal(config.ok ? config.value.warnings.map(findingText) : null, [
    `t:1:17: warning: listen.sip[0]: 192.0.2.77: ${problem}`,
    `t:2:30: warning: media.addresses[0].bind: 2001:db8::2: ${problem}`,
  ]);
});

test('needs no port more than the warning says', () => {
  const needed = portsNeeded({ calls: 100, cps: 100 });
  assert.is(needed, 1200);
  const withPorts = (count: number): string =>
    `limits: { calls: 100, cps: 100 }\nmedia: { addresses: [{ bind: 127.0.0.1, ports: 20000-${20_000 + count - 1} }] }`;
  assert.equal(linesOf(withPorts(needed)), []);
  assert.is(linesOf(withPorts(needed - 2)).length, 1);
});

test.run();
