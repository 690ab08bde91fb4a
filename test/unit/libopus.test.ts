// needs: compiler
// What the builds are told about libopus, and that nothing of it can be seen from outside the addon.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(fileURLToPath(import.meta.url), '..', '..', '..');

function ask(what: string, arch: string): string[] {
  const result = spawnSync(process.execPath, ['scripts/libopus.mjs', what, arch], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.is(result.status, 0, result.stderr);
  return result.stdout.split('\n').filter(Boolean);
}

test('every file, folder and list that the builds are given is there, and given once', () => {
  for (const arch of ['x64', 'arm64']) {
    const files = [...ask('plain', arch), ...ask('sse4_1', arch)];
    assert.is(new Set(files).size, files.length);
    const paths = [
      ...files,
      ...ask('includes', arch),
      ...ask('public', arch),
      ...ask('lists', arch),
    ];
    assert.equal(
      paths.filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  }
});

test('x64 has its vector files, arm64 none, and neither has fixed point or surround sound', () => {
  const x64 = [...ask('plain', 'x64'), ...ask('sse4_1', 'x64')];
  const arm64 = ask('plain', 'arm64');
  assert.equal(
    x64.filter((path) => !path.includes('/x86/')),
    arm64,
  );
  assert.is(ask('sse4_1', 'arm64').length, 0);
  assert.ok(x64.some((path) => path.endsWith('silk/x86/NSQ_del_dec_sse4_1.c')));
  assert.equal(
    x64.filter((path) => /\/(fixed|arm)\/|multistream|projection/.test(path)),
    [],
  );
});

test('the package holds the version that THIRD_PARTY.md names', () => {
  const folder = ask('lists', 'x64')[0]?.replace(/[^/]*$/, '') ?? '';
  const version = readFileSync(join(ROOT, folder, 'package_version'), 'utf8');
  const named = /libopus (\d+\.\d+\.\d+)/.exec(readFileSync(join(ROOT, 'THIRD_PARTY.md'), 'utf8'));
  assert.is(version.trim(), `PACKAGE_VERSION="${named?.[1]}"`);
});

test('an unknown processor, an unknown question and a missing package end with a sentence', () => {
  const run = (code: string): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: ROOT,
      encoding: 'utf8',
    });
  const elsewhere = mkdtempSync(join(tmpdir(), 'libopus-'));
  try {
    const describe = (options: object): string =>
      `import { describeLibopus } from './scripts/libopus.mjs';
       try { describeLibopus(${JSON.stringify(options)}); } catch (error) { console.log(error.message); }`;
    assert.match(String(run(describe({ root: elsewhere })).stdout), /npm ci --ignore-scripts/);
    assert.match(String(run(describe({ arch: 's390x' })).stdout), /x64 and arm64, not for "s390x"/);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
  const wrong = spawnSync(process.execPath, ['scripts/libopus.mjs', 'everything'], { cwd: ROOT });
  assert.is(wrong.status, 64);
});

test('the addon shows no function of libopus to other libraries of its process', () => {
  const addon = join(ROOT, 'build', 'Release', 'trunkyard.node');
  const names = spawnSync('nm', ['--dynamic', '--defined-only', addon], { encoding: 'utf8' });
  assert.is(names.status, 0, names.stderr);
  assert.match(names.stdout, /napi_register_module/);
  assert.not.match(names.stdout, /opus|celt_|silk_/i);
});

test.run();
