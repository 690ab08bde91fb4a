// The house rules, each shown to catch what it is there for and to let the right thing pass: tidy runs over a small
// tree made for the purpose, with the real scripts/layers.json.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const OPENING = '// What this file is for.\n';

/** Runs tidy over a tree of these files. Returns its lines, without the closing count. */
function tidy(files: Readonly<Record<string, string>>): { lines: string[]; code: number | null } {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'));
  try {
    mkdirSync(join(root, 'scripts'));
    mkdirSync(join(root, 'src'));
    cpSync(join(ROOT, 'scripts', 'layers.json'), join(root, 'scripts', 'layers.json'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const args = [join(ROOT, 'scripts', 'tidy.mjs'), '--root', root];
    const result = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.is(result.stderr, '');
    const lines = result.stdout.split('\n').filter((line) => /^\S+:\d+: /.test(line));
    return { lines, code: result.status };
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Where and by which rule a tree is refused: `path:line: rule`, sorted. */
function refusals(files: Readonly<Record<string, string>>): string[] {
  const rooms = new Set(
    Object.keys(files).flatMap((path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? []),
  );
  const list = [...rooms].map((room) => `- \`${room}\` a room\n`).join('');
  const { lines } = tidy({ 'src/README.md': list, ...files });
  return lines.map((line) => line.split(': ').slice(0, 2).join(': ')).sort();
}

test('lets a tree pass that keeps every rule', () => {
  const { lines, code } = tidy({
    'src/README.md': '- `base` words\n- `trunks` policy\n',
    'src/base/index.ts': `${OPENING}export const one = 1;\n`,
    'src/trunks/book.ts': `${OPENING}import { one } from '../base/index.ts';\n\nexport const two = one + one;\n`,
    'native/base/bytes.h': `${OPENING}#include <cstdint>\n`,
    'native/rtp/packet.cc': `${OPENING}#include "base/bytes.h"\n#include "rtp/packet.h"\n`,
  });
  assert.equal(lines, []);
  assert.is(code, 0);
});

test('refuses an import upwards, past the index and out of src, and says what to do instead', () => {
  const text = `${OPENING}import { a } from '../b2bua/index.ts';
import { b } from '../base/time.ts';
import type { c } from '../../test/support/engine.ts';
export const d = await import('../server/main.ts');
`;
  assert.equal(refusals({ 'src/trunks/x.ts': text }), [
    'src/trunks/x.ts:2: layers',
    'src/trunks/x.ts:3: layers',
    'src/trunks/x.ts:4: layers',
    'src/trunks/x.ts:5: layers',
  ]);
  const { lines } = tidy({ 'src/README.md': '- `trunks` x', 'src/trunks/x.ts': text });
  assert.match(lines[0] ?? '', 'server/compose.ts');
});

test('lets server import every room and a room its own files', () => {
  const files = {
    'src/server/compose.ts': `${OPENING}import { a } from '../b2bua/index.ts';\nimport { b } from './x.ts';\n`,
    'src/server/x.ts': OPENING,
  };
  assert.equal(refusals(files), []);
});

test('refuses a room that layers.json does not know, and includes upwards in C++', () => {
  const files = {
    'src/helpers/x.ts': OPENING,
    'native/rtp/packet.cc': `${OPENING}#include "base/bytes.h"\n#include "engine/thread.h"\n`,
  };
  assert.equal(refusals(files), ['native/rtp/packet.cc:3: layers', 'src/helpers/x.ts:1: layers']);
});

test('refuses reserved words and modules outside their rooms', () => {
  const text = `${OPENING}import { createSocket } from 'node:dgram';
import { readFileSync } from 'fs';
import { parse } from 'sip';
const at = Date.now();
const timer = setTimeout(() => undefined, 1);
const draw = Math.random();
const path = process.env.PATH;
`;
  const lines = [2, 3, 4, 5, 6, 7, 8].map((line) => `src/b2bua/x.ts:${line}: reserved`);
  assert.equal(refusals({ 'src/b2bua/x.ts': text }), lines);
});

test('takes a reserved word in a comment, a string or a pattern for no use of it', () => {
  const text = `${OPENING}// Never Date.now here.
const name = 'setTimeout';
const other = \`process.env \${name} Math.random\`;
const pattern = /Date.now/;
`;
  assert.equal(refusals({ 'src/b2bua/x.ts': text }), []);
});

test('sees a reserved word inside a template expression', () => {
  const text = `${OPENING}const name = \`at \${Date.now()}\`;\n`;
  assert.equal(refusals({ 'src/b2bua/x.ts': text }), ['src/b2bua/x.ts:2: reserved']);
});

test('keeps system calls, threads, clocks and Node out of the pure rooms of the engine', () => {
  const text = `${OPENING}#include <sys/socket.h>
#include <atomic>
#include <node_api.h>
auto at = std::chrono::steady_clock::now();
std::string name;
// std::mutex in a comment, and "std::function" in a string, are fine
const char* text = "std::function";
`;
  assert.equal(refusals({ 'native/rtp/x.cc': text }), [
    'native/rtp/x.cc:2: reserved',
    'native/rtp/x.cc:3: reserved',
    'native/rtp/x.cc:4: reserved',
    'native/rtp/x.cc:5: reserved',
    'native/rtp/x.cc:6: reserved',
  ]);
  const inTheirRooms = {
    'native/io/x.cc': `${OPENING}#include <sys/socket.h>\n`,
    'native/engine/x.cc': `${OPENING}#include <atomic>\n`,
    'native/binding/x.cc': `${OPENING}#include <node_api.h>\n`,
  };
  assert.equal(refusals(inTheirRooms), []);
});

test('refuses any, switched-off tests, unfinished marks and code in comments', () => {
  // Put together here so that this file itself stays clean.
  const mark = ['FIX', 'ME'].join('');
  const text = `${OPENING}const a: any = 1;
// ${mark}: later
// const b = 2;
// TODO(#12) is tracked by an issue
test.skip('x', () => undefined);
/* return value; */
`;
  assert.equal(refusals({ 'src/base/x.ts': text }), [
    'src/base/x.ts:2: any',
    'src/base/x.ts:3: unfinished',
    'src/base/x.ts:4: dead code',
    'src/base/x.ts:6: skip',
    'src/base/x.ts:7: dead code',
  ]);
});

test('takes prose that ends in a semicolon or names a call for prose', () => {
  const text = `${OPENING}// The first packet decides; the rest follow;
// handle() is called once, close() twice;
// (a) first, (b) then
const a = 1;
`;
  assert.equal(refusals({ 'src/base/x.ts': text }), []);
});

test('refuses a file of more than 600 lines, but not a generated one', () => {
  const long = OPENING + 'const a = 1;\n'.repeat(600);
  const files = { 'src/engine/x.ts': long, 'src/engine/contract.gen.ts': long };
  assert.equal(refusals(files), ['src/engine/x.ts:601: size']);
});

test('takes the header’s opening comment for that of its source', () => {
  const files = {
    'native/io/clock.h': OPENING,
    'native/io/clock.cc': '#include "io/clock.h"\n',
    'native/io/wake.cc': '#include "io/clock.h"\n',
  };
  assert.equal(refusals(files), ['native/io/wake.cc:1: opening']);
});

test('refuses a file without an opening comment and a test file that runs nothing', () => {
  const files = {
    'src/base/x.ts': 'export const a = 1;\n',
    'test/unit/x.test.ts': `${OPENING}test('a', () => undefined);\n`,
  };
  assert.equal(refusals(files), ['src/base/x.ts:1: opening', 'test/unit/x.test.ts:1: test']);
});

test('refuses folders of one machine and registry addresses', () => {
  // Put together here so that this file itself stays clean.
  const folder = ['', 'home', 'alice', 'x'].join('/');
  const origin = ['https:', '', 'registry.example', 'a'].join('/');
  const files = {
    'docs/x.md': `see ${folder}\n`,
    'package-lock.json': `{ "resolved": "${origin}" }\n`,
  };
  assert.equal(refusals(files), ['docs/x.md:1: place', 'package-lock.json:1: place']);
});

test('compares the list of rooms with the folders, both ways', () => {
  const { lines, code } = tidy({
    'src/README.md': '# Rooms\n\n- `base` words\n- `gone` was here\n',
    'src/base/x.ts': OPENING,
    'src/trunks/x.ts': OPENING,
  });
  assert.equal(
    lines.map((line) => line.split(';')[0]),
    [
      'src/README.md:1: rooms: src/trunks is missing in the list',
      'src/README.md:4: rooms: src/gone does not exist',
    ],
  );
  assert.is(code, 1);
});

test.run();
