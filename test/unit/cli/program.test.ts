// What may be typed, what the server is asked for, and with which exit code the program ends.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CliHandlers } from '../../../src/cli/index.ts';
import { EXIT, buildCli, runCli } from '../../../src/cli/index.ts';
import { DEMO_FILE, DEMO_YAML, parseConfig } from '../../../src/config/index.ts';

interface Run {
  readonly code: number;
  /** What the handlers were asked: `name` and the options as JSON. */
  readonly asked: readonly string[];
  readonly printed: string;
  readonly complained: string;
}

interface RunOptions {
  readonly yaml?: string;
  /** Exit code of every handler. */
  readonly code?: number;
}

async function run(line: string, { yaml = DEMO_YAML, code = 0 }: RunOptions = {}): Promise<Run> {
  const asked: string[] = [];
  const printed: string[] = [];
  const complained: string[] = [];
  const answer =
    (name: string) =>
    async (_config: unknown, options: unknown): Promise<number> => {
      asked.push(`${name} ${JSON.stringify(options)}`);
      return Promise.resolve(code);
    };
  const handlers: CliHandlers = {
    loadConfig: (path) => {
      asked.push(`load ${JSON.stringify(path)}`);
      return parseConfig(yaml, {
        file: path ?? DEMO_FILE,
        env: {},
        readFile: () => ({ ok: false, error: 'none' }),
      });
    },
    serve: answer('serve'),
    calls: answer('calls'),
    cdrExport: answer('cdr'),
    trunkTest: answer('test'),
    doctor: answer('doctor'),
  };
  const terminal = {
    print: (text: string) => printed.push(text),
    complain: (text: string) => complained.push(text),
  };
  const args = line === '' ? [] : line.split(' ');
  const exit = await runCli(args, { handlers, terminal, version: '1.2.3' });
  return { code: exit, asked, printed: printed.join('\n'), complained: complained.join('\n') };
}

const ASKED: readonly (readonly [line: string, asked: readonly string[]])[] = [
  ['serve', ['load null', 'serve null']],
  ['serve -c a.yaml', ['load "a.yaml"', 'serve "a.yaml"']],
  ['--config=a.yaml serve', ['load "a.yaml"', 'serve "a.yaml"']],
  ['calls', ['load null', 'calls {"url":null,"trunk":null,"json":false}']],
  [
    'calls -t a --json --url http://h:1/',
    ['load null', 'calls {"url":"http://h:1","trunk":"a","json":true}'],
  ],
  [
    'cdr export',
    [
      'load null',
      'cdr {"url":null,"from":null,"to":null,"trunk":null,"format":"csv","output":null}',
    ],
  ],
  [
    'cdr export --from 1970-01-02 --to 1970-01-02T00:00:01.5Z -f json -o x -t a',
    [
      'load null',
      'cdr {"url":null,"from":86400000,"to":86401500,"trunk":"a","format":"json","output":"x"}',
    ],
  ],
  ['trunk test a', ['load null', 'test {"trunk":"a","timeoutS":4,"json":false}']],
  [
    'trunk test a --timeout 32 --json',
    ['load null', 'test {"trunk":"a","timeoutS":32,"json":true}'],
  ],
  ['doctor', ['load null', 'doctor {"json":false}']],
];

for (const [line, asked] of ASKED) {
  test(`asks for what ${line} means`, async () => {
    const result = await run(line);
    assert.equal(result, { code: EXIT.ok, asked, printed: '', complained: '' });
  });
}

test('ends with the exit code of the handler', async () => {
  assert.is((await run('calls', { code: EXIT.unavailable })).code, 69);
});

for (const line of [
  '',
  'serv',
  'config',
  'config chek',
  'serve --bogus',
  'serve extra',
  'trunk test',
  'trunk test a b',
  'trunk test a --timeout 0',
  'trunk test a --timeout 33',
  'trunk test a --timeout 1.5',
  'calls --url ftp://h',
  'cdr export -f xml',
  'cdr export --from yesterday',
  'cdr export --from 2026-02-30',
  'cdr export --from 2026-01-01T25:00',
  'cdr export --from 2026-01-02 --to 2026-01-01',
  'serve -c',
]) {
  test(`answers ${line === '' ? 'nothing typed' : line} with usage and does nothing`, async () => {
    const { code, asked, complained } = await run(line);
    assert.is(code, EXIT.usage);
    assert.equal(asked, []);
    assert.is.not(complained, '');
  });
}

test('prints version and help to standard output', async () => {
  assert.equal(await run('--version'), { code: 0, asked: [], printed: '1.2.3', complained: '' });
  const help = await run('--help');
  assert.is(help.code, 0);
  for (const word of ['serve', 'config', 'calls', 'cdr', 'trunk', 'doctor', 'Exit codes'])
    assert.ok(help.printed.includes(word), word);
});

test('describes every command and option', async () => {
  const handlers: CliHandlers = {
    loadConfig: () => ({ ok: false, error: [] }),
    serve: () => Promise.resolve(0),
    calls: () => Promise.resolve(0),
    cdrExport: () => Promise.resolve(0),
    trunkTest: () => Promise.resolve(0),
    doctor: () => Promise.resolve(0),
  };
  const terminal = { print: () => undefined, complain: () => undefined };
  const commands = [buildCli({ handlers, terminal, version: '0' }, () => undefined)];
  for (const command of commands) {
    commands.push(...command.commands);
    assert.is.not(command.description(), '', command.name());
    for (const option of command.options) assert.is.not(option.description, '', option.flags);
  }
  assert.is(commands.length, 10);
});

test('answers a wrong configuration with every finding and 78, and starts nothing', async () => {
  const yaml = 'limits: { cps: 0 }\nlog: { level: loud }';
  for (const line of ['serve', 'calls', 'cdr export', 'trunk test a', 'doctor', 'config check']) {
    const { code, asked, complained, printed } = await run(line, { yaml });
    assert.is(code, EXIT.config, line);
    assert.equal(asked, ['load null'], line);
    assert.is(printed, '');
    assert.match(complained, /:1:16: error: limits\.cps: 0: is too small/);
    assert.match(complained, /:2:15: error: log\.level: loud/);
  }
});

test('config check sums up a sound configuration and passes with warnings', async () => {
  assert.equal(await run('config check'), {
    code: 0,
    asked: ['load null'],
    printed:
      '(built-in demonstration): ok: 2 SIP listeners, 1 media address, 1 trunk, 1 route, 0 warnings',
    complained: '',
  });
  const warned = await run('config check -c w.yaml', { yaml: 'trunks: [{ name: a }]' });
  assert.is(warned.code, 0);
  assert.match(warned.printed, /^w\.yaml: ok: .* 1 warning$/);
  assert.match(warned.complained, /^w\.yaml:1:10: warning: /);
});

test('config check counts errors and warnings apart', async () => {
  const { complained } = await run('config check', {
    yaml: 'trunks: [{ name: a }]\nbus: { url: x }',
  });
  assert.match(complained, /\n1 error, 1 warning$/);
});

test('config check gives programs the same as JSON', async () => {
  const { code, printed } = await run('config check --json', { yaml: 'limits: { cps: 0 }' });
  assert.is(code, 78);
  assert.equal(JSON.parse(printed), {
    ok: false,
    findings: [
      {
        severity: 'error',
        file: '(built-in demonstration)',
        line: 1,
        column: 16,
        key: 'limits.cps',
        value: '0',
        problem: 'is too small',
        allowed: 'a whole number from 1 to 10000',
      },
    ],
  });
});

test('serve prints the warnings of a configuration it runs by', async () => {
  const { asked, complained } = await run('serve', { yaml: 'trunks: [{ name: a }]' });
  assert.equal(asked, ['load null', 'serve null']);
  assert.match(complained, /warning: trunks\[0\]/);
});

test.run();
