// The configuration text to settings: what is read, and how every mistake is reported.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../src/base/index.ts';
import type { ConfigFinding, LoadedConfig, Settings } from '../../../src/config/index.ts';
import {
  DEMO_YAML,
  findingText,
  locatedText,
  parseConfig,
  validateRoute,
  validateTrunk,
} from '../../../src/config/index.ts';

const FULL = `
listen: { sip: [udp://127.0.0.1:5060, tcp://127.0.0.1:5060], http: http://127.0.0.1:8080 }
media: { addresses: [{ bind: 127.0.0.1, advertise: null, ports: 20000-29999 }], threads: 1, inactivity_s: 60 }
store: { url: sqlite:./data/trunkyard.db }
bus: { url: memory: }
limits: { calls: 2000, cps: 200 }
trunks: [{ name: carrier-a, allow: [192.0.2.0/24], auth: null, gateways: [{ uri: "sip:192.0.2.10", priority: 1, weight: 1 }], cps: 50, channels: 500 }]
routes: [{ prefix: "44", strip: 0, add: "", trunks: [carrier-a] }]
`;

interface ParseOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, { readonly text: string; readonly mode: number }>>;
}

function parse(
  text: string,
  { env = {}, files = {} }: ParseOptions = {},
): ReturnType<typeof parseConfig> {
  return parseConfig(text, {
    file: 't.yaml',
    env,
    readFile: (path) => {
      const file = files[path];
      return file === undefined
        ? { ok: false, error: 'there is no such file' }
        : { ok: true, value: file };
    },
  });
}

function loaded(text: string, options: ParseOptions = {}): LoadedConfig {
  const result = parse(text, options);
  if (!result.ok) throw new Error(result.error.map(findingText).join('\n'));
  return result.value;
}

const settingsOf = (text: string, options: ParseOptions = {}): Settings =>
  loaded(text, options).settings;

function findingsOf(text: string, options: ParseOptions = {}): readonly ConfigFinding[] {
  const result = parse(text, options);
  return result.ok ? result.value.warnings : result.error;
}

const linesOf = (text: string, options: ParseOptions = {}): readonly string[] =>
  findingsOf(text, options).map(findingText);

test('reads the configuration of the manual without a word', () => {
  const { settings, warnings } = loaded(FULL);
  assert.equal(warnings, []);
  assert.equal(settings.trunks[0]?.gateways, [
    {
      uri: 'sip:192.0.2.10',
      transport: 'udp',
      host: '192.0.2.10',
      port: 5060,
      priority: 1,
      weight: 1,
    },
  ]);
  assert.equal(settings.routes, [
    {
      match: { kind: 'prefix', prefix: '44' },
      strip: 0,
      add: '',
      target: { kind: 'trunks', trunks: ['carrier-a'] },
    },
  ]);
  assert.is(settings.media.inactivityHoldS, 3600);
  assert.is(settings.media.conferenceParticipants, 1_000);
  assert.is(settings.media.kernelPath, 'auto');
  assert.is(settings.trunks[0]?.maxDurationS, 14_400);
  assert.equal(settings.trunks[0]?.failoverCodes, [408, 503]);
});

test('reads the demonstration without a word, and it answers 9196 with an echo', () => {
  const { settings, warnings } = loaded(DEMO_YAML);
  assert.equal(warnings, []);
  assert.equal(settings.routes[0]?.target, { kind: 'destination', destination: 'echo' });
  assert.ok(settings.listen.sip.every(({ bind }) => bind.host === '127.0.0.1'));
});

for (const yaml of [
  'bus: { url: memory: }',
  'bus:\n  url: memory:\n',
  'bus:\r\n  url: memory: # here\r\n',
  'bus: { url: "memory:" }',
  'bus: { url: memory }',
]) {
  test(`takes ${JSON.stringify(yaml)} for the bus in memory, though bare YAML would not`, () => {
    assert.is(settingsOf(yaml).bus.url, 'memory:');
  });
}

test('fills in every default from the schema alone', () => {
  const { settings } = loaded('log: { level: warn }');
  assert.is(settings.limits.calls, 2000);
  assert.is(settings.log.level, 'warn');
  assert.equal(settings.trunks, []);
  assert.is(settings.media.endpoints, 4064);
});

test('gives each reading its own defaults', () => {
  const first = settingsOf('log: { level: warn }');
  const second = settingsOf('log: { level: warn }');
  assert.is.not(first.media.addresses, second.media.addresses);
});

const REFUSED: readonly (readonly [name: string, yaml: string, line: string])[] = [
  [
    'a number that is too large',
    'limits: { cps: 10001 }',
    't.yaml:1:16: error: limits.cps: 10001: is too large (allowed: a whole number from 1 to 10000)',
  ],
  [
    'a word for a number',
    'limits:\n  calls: many',
    't.yaml:2:10: error: limits.calls: many: is not a whole number (allowed: a whole number from 0 to 130000)',
  ],
  [
    'a fraction',
    'limits: { cps: 1.5 }',
    't.yaml:1:16: error: limits.cps: 1.5: is not a whole number (allowed: a whole number from 1 to 10000)',
  ],
  [
    'an unknown section',
    'listne: {}',
    't.yaml:1:1: error: listne: is not a known setting; did you mean listen?',
  ],
  [
    'an unknown key in another spelling',
    'limits: { drainS: 5 }',
    't.yaml:1:11: error: limits.drainS: is not a known setting; did you mean drain_s?',
  ],
  [
    'an unknown key near nothing',
    'log: { xyzzy: 1 }',
    't.yaml:1:8: error: log.xyzzy: is not a known setting (allowed: level)',
  ],
  [
    'a word that is not on the list',
    'log: { level: loud }',
    't.yaml:1:15: error: log.level: loud: is not one of the words allowed (allowed: one of debug, info, warn, error, silent)',
  ],
  [
    'an empty section',
    'log:',
    't.yaml:1:5: error: log: (empty): is empty; leave the key out for its default (allowed: a map with the keys level)',
  ],
  [
    'a list where a map belongs',
    'log: [1]',
    't.yaml:1:6: error: log: (a list): is not a map (allowed: a map with the keys level)',
  ],
  [
    'a map where a list belongs',
    'trunks: { a: 1 }',
    't.yaml:1:9: error: trunks: (a map): is not a list (allowed: a list of 0 to 10000)',
  ],
  [
    'a whole file that is a list',
    '- 1',
    't.yaml:1:1: error: (a list): is not a map (allowed: a map with the keys listen, media, store, bus, limits, trunks, routes, log)',
  ],
  [
    'a transport that does not exist',
    'listen: { sip: ["tls://127.0.0.1:5061"] }',
    't.yaml:1:17: error: listen.sip[0]: tls://127.0.0.1:5061: the transport tls is not supported (allowed: udp://ADDRESS:PORT or tcp://ADDRESS:PORT, IPv6 in brackets; the port is 5060 when left out)',
  ],
  [
    'no listener at all',
    'listen: { sip: [] }',
    't.yaml:1:16: error: listen.sip: (a list): has too few entries (allowed: a list of 1 to 16)',
  ],
  [
    'a port range backwards',
    'media: { addresses: [{ bind: 127.0.0.1, ports: 30000-20000 }] }',
    't.yaml:1:48: error: media.addresses[0].ports: 30000-20000: the first port is above the last (allowed: FIRST-LAST, both from 1 to 65535, such as 20000-29999)',
  ],
  [
    'a missing name',
    'trunks:\n  - allow: []',
    't.yaml:2:5: error: trunks[0].name: is missing (allowed: 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit)',
  ],
  [
    'host bits in a block',
    'trunks: [{ name: a, allow: [192.0.2.5/24] }]',
    't.yaml:1:29: error: trunks[0].allow[0]: 192.0.2.5/24: has bits set behind the prefix; the block is 192.0.2.0/24, the address alone 192.0.2.5/32 (allowed: an address block such as 192.0.2.0/24 or 2001:db8::/32, or one address)',
  ],
  [
    'a true for a text',
    'listen: { realm: true }',
    't.yaml:1:18: error: listen.realm: true: is not a text; put it in quotes (allowed: 1 to 128 characters without quotes, backslashes and control characters)',
  ],
  [
    'a codec twice',
    'trunks: [{ name: a, gateways: [{uri: "sip:h"}], codecs: [PCMA, PCMA] }]',
    't.yaml:1:64: error: trunks[0].codecs[1]: PCMA: is there already (allowed: one of PCMU, PCMA, G722, opus, telephone-event)',
  ],
  ['an empty file', '# nothing\n', 't.yaml: error: is empty'],
];

for (const [name, yaml, line] of REFUSED) {
  test(`refuses ${name} and says where and why`, () => {
    const result = parse(yaml);
    assert.not.ok(result.ok);
    assert.equal(result.ok ? [] : result.error.map(findingText), [line]);
  });
}

test('reports every mistake of one file, in the order of the text', () => {
  const lines = linesOf(
    'limits: { cps: 0, calls: x }\ntrunks:\n  - { name: a b }\n  - { name: c, allow: [300.0.0.1] }\nlog: { level: no }\nbus: { url: "nats:" }\n',
  );
  assert.equal(
    lines.map((line) => line.split(':').slice(1, 3).join(':')),
    ['1:16', '1:26', '3:13', '4:24', '5:15', '6:13'],
  );
});

for (const [yaml, line] of [
  [
    'limits:\n  calls: 1\n  calls: 2\n',
    'f:3:3: error: calls: stands here for the second time; the first is in line 2',
  ],
  [
    'limits: { calls: 5 cps: 3 }\n',
    'f:1:18: error: calls: a comma or a closing bracket is missing in front of this',
  ],
  ['log:\n  level: "info\nlimits: {}\n', 'f:2:10: error: level: a closing " is missing'],
  ['log:\n\tlevel: info\n', 'f:2:1: error: level: a tab indents this line; YAML takes spaces only'],
  ['limits:\n  calls: 5\n cps: 3\n', 'f:3:1: error: cps: is not indented as what stands beside it'],
  [
    'log:\n  level: a: b\n',
    'f:2:10: error: level: a second colon stands in this line; a value with one needs quotes',
  ],
  [
    'limits:\n  calls 5\n  cps: 3\n',
    'f:2:3: error: limits: no colon and space follow what stands here',
  ],
] as const) {
  test(`reports a YAML mistake in one line, with its place and key: ${line}`, () => {
    const [finding, ...more] = findingsOf(yaml);
    assert.is(more.length, 0);
    assert.is(finding === undefined ? '' : findingText({ ...finding, file: 'f' }), line);
  });
}

test('looks for no key where there is none', () => {
  const [finding] = findingsOf('"');
  assert.is(finding?.key, '');
});

test('puts the place before a problem that is found after loading and names its setting', () => {
  const config = parse('trunks:\n  - { name: a, allow: [192.0.2.1] }\n');
  assert.ok(config.ok);
  assert.is(
    locatedText(config.value, 'trunks[0].name: a: is taken'),
    `${config.value.file}:2:13: error: trunks[0].name: a: is taken`,
  );
  assert.is(locatedText(config.value, 'database: is locked'), 'database: is locked');
});

test('refuses two documents in one file', () => {
  const [finding] = findingsOf('log: {}\n---\nlog: {}\n');
  assert.is(finding?.problem, 'a second document begins here; a configuration is one document');
});

test('reads aliases, and an alias of aliases is not unfolded beyond the schema', () => {
  const settings = settingsOf(
    'trunks:\n  - { name: a, allow: &x [192.0.2.1], codecs: &c [PCMA] }\n  - { name: b, codecs: *c, gateways: [{uri: "sip:h"}] }\n',
  );
  assert.equal(settings.trunks[1]?.codecs, ['PCMA']);
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'.split('').map(
      (name, i) =>
        `${name}: &${name} [${Array(9)
          .fill(`*${'abcdefghi'[i] ?? ''}`)
          .join(',')}]`,
    ),
  ];
  assert.is(findingsOf(bomb.join('\n')).length, 10);
});

test('refuses a text that is larger than any configuration', () => {
  assert.match(linesOf(`#${'x'.repeat(4 * 1024 * 1024)}`)[0] ?? '', /larger than/);
});

// Secrets and references.

const WITH_PASSWORD = (password: string): string =>
  `trunks: [{ name: a, auth: { username: u, password: ${password} } }]`;
const passwordOf = (settings: Settings): string | null => {
  const auth = settings.trunks[0]?.auth ?? null;
  return auth?.kind === 'password' ? auth.password : null;
};

test('puts environment variables into texts and numbers', () => {
  const settings = settingsOf('limits:\n  cps: ${CPS}\nlisten: { realm: "at-${SITE}-$${SITE}" }', {
    env: { CPS: '7', SITE: 'x' },
  });
  assert.is(settings.limits.cps, 7);
  assert.is(settings.listen.realm, 'at-x-${SITE}');
});

test('names an environment variable that is not set', () => {
  const [line] = linesOf(WITH_PASSWORD('"${NOPE}"'));
  assert.match(
    line ?? '',
    /trunks\[0\]\.auth\.password: \*\*\*: the environment variable NOPE is not set/,
  );
});

test('checks what an environment variable holds like what the file holds', () => {
  assert.match(linesOf('limits:\n  cps: ${CPS}', { env: { CPS: '0' } })[0] ?? '', /is too small/);
});

test('reads a secret from its file and drops the line end', () => {
  const files = { 'pw.txt': { text: 'open sesame\n', mode: 0o100600 } };
  const { settings, warnings } = loaded(WITH_PASSWORD('{ file: pw.txt }'), { files });
  assert.is(passwordOf(settings), 'open sesame');
  assert.equal(warnings, []);
});

test('warns of a secret file that others can read', () => {
  const files = { 'pw.txt': { text: 'x', mode: 0o100644 } };
  const [warning] = loaded(WITH_PASSWORD('{ file: pw.txt }'), { files }).warnings;
  assert.match(
    warning === undefined ? '' : findingText(warning),
    /warning: trunks\[0\]\.auth\.password: pw\.txt: the file’s mode is 0644/,
  );
});

for (const [name, files, problem] of [
  ['is missing', {}, /there is no such file/],
  ['is empty', { 'pw.txt': { text: '\n', mode: 0o600 } }, /the file is empty/],
  ['has two lines', { 'pw.txt': { text: 'a\nb\n', mode: 0o600 } }, /more than one line/],
] as const) {
  test(`refuses a secret file that ${name}`, () => {
    assert.match(linesOf(WITH_PASSWORD('{ file: pw.txt }'), { files })[0] ?? '', problem);
  });
}

test('follows {file: …} for secrets only', () => {
  const files = { f: { text: 'x', mode: 0o600 } };
  assert.match(linesOf('listen: { realm: { file: f } }', { files })[0] ?? '', /is not a text/);
});

test('never shows a secret in a finding', () => {
  const yaml =
    'trunks: [{ name: a, auth: { username: u, password: hunter2hunter2, ha1_md5: hunter2hunter2 } }]';
  assert.not.ok(linesOf(yaml).join('\n').includes('hunter2'));
});

test('keeps leading zeros of numbers written without quotes', () => {
  const settings = settingsOf(
    `${WITH_PASSWORD('0123')}\nroutes: [{ prefix: 0044, add: 00, destination: echo }]`,
  );
  assert.is(passwordOf(settings), '0123');
  assert.equal(settings.routes[0]?.match, { kind: 'prefix', prefix: '0044' });
  assert.is(settings.routes[0]?.add, '00');
});

test('drops the plus of a prefix, since digits are matched without it', () => {
  assert.equal(settingsOf('routes: [{ prefix: "+44", destination: echo }]').routes[0]?.match, {
    kind: 'prefix',
    prefix: '44',
  });
});

// Failover codes.

for (const status of [401, 407, 486, 487, 600, 603, 604, 699]) {
  test(`E23 refuses ${status} as a failover code and gives the reason`, () => {
    const [line] = linesOf(`trunks: [{ name: a, failover_codes: [${status}] }]`);
    assert.match(
      line ?? '',
      new RegExp(`trunks\\[0\\]\\.failover_codes\\[0\\]: ${status}: can’t be failed over: it `),
    );
  });
}

test('E23 takes 408, 480 and every 5xx as failover codes', () => {
  const settings = settingsOf(
    'trunks: [{ name: a, allow: [192.0.2.1], failover_codes: [408, 480, 500, 502, 503, 504, 599] }]',
  );
  assert.equal(settings.trunks[0]?.failoverCodes, [408, 480, 500, 502, 503, 504, 599]);
});

// Bodies of the API.

test('checks a trunk given as JSON by the same rules', () => {
  const good = validateTrunk({ name: 'api', allow: ['192.0.2.1'], cps: 5 });
  assert.ok(good.ok);
  assert.equal(good.ok ? good.value.allow : null, ['192.0.2.1/32']);
  const bad = validateTrunk({ name: 'a b', cps: '5', extra: 1, auth: { username: 'u' } });
  assert.equal(bad.ok ? [] : bad.error.map(({ key }) => key), ['extra', 'name', 'cps']);
  assert.not.ok(validateTrunk({ name: 'a', auth: { username: 'u' } }).ok);
  assert.not.ok(validateTrunk({ name: 'a', codecs: ['telephone-event'] }).ok);
  assert.not.ok(
    validateTrunk({ name: 'a', gateways: [{ uri: 'sip:h' }, { uri: 'sip:H:5060' }] }).ok,
  );
});

test('follows no reference in a trunk given as JSON', () => {
  const auth = (password: unknown): unknown => ({ name: 'a', auth: { username: 'u', password } });
  assert.not.ok(validateTrunk(auth({ file: '/etc/passwd' })).ok);
  const literal = validateTrunk(auth('${HOME}'));
  assert.equal(literal.ok ? literal.value.auth : null, {
    kind: 'password',
    username: 'u',
    password: '${HOME}',
  });
});

for (const body of [
  null,
  undefined,
  5,
  'x',
  [],
  [[]],
  { __proto__: null },
  JSON.parse('{"__proto__":{"name":"x"},"constructor":1}'),
] as unknown[]) {
  test(`refuses ${JSON.stringify(body) ?? 'nothing'} as a trunk`, () => {
    assert.not.ok(validateTrunk(body).ok);
  });
}

test('refuses a deeply nested body without following it down', () => {
  let body: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) body = [body];
  assert.not.ok(validateTrunk(body).ok);
  assert.not.ok(validateTrunk({ name: body }).ok);
});

test('checks a route given as JSON by the same rules', () => {
  assert.ok(validateRoute({ prefix: '44', trunks: ['a'] }).ok);
  assert.not.ok(validateRoute({ prefix: '44' }).ok);
  assert.not.ok(validateRoute({ prefix: '44', number: '1', destination: 'echo' }).ok);
  assert.not.ok(validateRoute({ prefix: 44, destination: 'echo' }).ok);
});

test('answers any text with findings or settings and never throws', () => {
  const random = seededRandom(20);
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ' ',
    '\n',
    '- ',
    '&a ',
    '*a',
    '!!x ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '${',
    '?',
    'null',
    '1e9',
    '<<: ',
    '\t',
    '\u0000',
  ];
  for (let round = 0; round < 500; round += 1) {
    let text = FULL;
    for (let edit = 0; edit < 1 + random.draw() * 4; edit += 1) {
      const at = Math.floor(random.draw() * text.length);
      const piece = pieces[Math.floor(random.draw() * pieces.length)] ?? '';
      text = text.slice(0, at) + piece + text.slice(at + Math.floor(random.draw() * 8));
    }
    const result = parse(text);
    if (!result.ok) assert.ok(result.error.some(({ severity }) => severity === 'error'));
  }
});

test('a trunk’s audio settings are read, and each is held to what it may be', () => {
  const { trunks } = settingsOf(
    'trunks: [{ name: a, allow: [192.0.2.1], transcode: never, srtp: required, ptime_ms: 40, jitter_buffer: large, dtmf: info, comfort_noise: on, redundancy: on, opus_bitrate_bps: 24000, opus_complexity: 10 }]',
  );
  const [trunk] = trunks;
  assert.equal(
    [trunk?.transcode, trunk?.srtp, trunk?.ptimeMs, trunk?.jitterBuffer, trunk?.dtmf],
    ['never', 'required', 40, 'large', 'info'],
  );
  assert.equal([trunk?.opusBitrateBps, trunk?.opusComplexity], [24_000, 10]);
  assert.equal([trunk?.comfortNoise, trunk?.redundancy], ['on', 'on']);
  const [usual] = settingsOf('trunks: [{ name: a, allow: [192.0.2.1] }]').trunks;
  assert.equal(
    [usual?.transcode, usual?.srtp, usual?.ptimeMs, usual?.jitterBuffer, usual?.dtmf],
    ['when_needed', 'off', 20, 'medium', 'auto'],
  );
  assert.is(usual?.opusBitrateBps, null);
  assert.equal([usual?.comfortNoise, usual?.redundancy], ['off', 'off']);
});

for (const [setting, problem] of [
  ['ptime_ms: 25', 'is not a multiple of 10'],
  ['ptime_ms: 0', 'is too small'],
  ['ptime_ms: 70', 'is too large'],
  ['transcode: sometimes', 'is not one of the words allowed'],
  ['srtp: yes', 'is not one of the words allowed'],
  ['dtmf: rfc2833', 'is not one of the words allowed'],
  ['jitter_buffer: huge', 'is not one of the words allowed'],
  ['comfort_noise: yes', 'is not one of the words allowed'],
  ['redundancy: 1', 'is not one of the words allowed'],
  ['opus_bitrate_bps: 5999', 'is too small'],
  ['opus_complexity: 11', 'is too large'],
] as const) {
  test(`${setting} of a trunk ${problem}`, () => {
    const [line] = linesOf(`trunks: [{ name: a, allow: [192.0.2.1], ${setting} }]`);
    assert.match(line ?? '', problem);
  });
}

test.run();
