// limit: 180s
// A start that can't succeed: a plain sentence, the right exit status, and nothing left behind.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { symlinkSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { silentLog } from '../../src/base/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { openRunDir } from '../../src/server/run-dir.ts';
import { Supervisor } from '../../src/server/supervisor.ts';
import type { Ended } from '../support/child.ts';
import { ADDRESSES, freePort, until } from '../support/loopback.ts';
import { processTree } from '../support/processes.ts';
import type { House } from './server-harness.ts';
import { foldersIn, isInMemory, startCommand, withHouse } from './server-harness.ts';

interface Ports {
  readonly sip: number;
  readonly http: number;
}

async function writeConfig(house: House): Promise<Ports> {
  const ports = {
    sip: await freePort(ADDRESSES.engine),
    http: await freePort(ADDRESSES.engine),
  };
  const file = {
    listen: {
      sip: [`udp://127.0.0.1:${ports.sip}`, `tcp://127.0.0.1:${ports.sip}`],
      http: `http://127.0.0.1:${ports.http}`,
    },
    media: { addresses: [{ bind: '127.0.0.1', ports: '20000-20999' }] },
    store: { url: `sqlite:${house.folder}/trunkyard.db` },
    limits: { calls: 100, cps: 20 },
  };
  writeFileSync(house.configPath, stringify(file));
  return ports;
}

interface Failed extends Ended {
  readonly regions: ReadonlySet<string>;
  readonly pids: ReadonlySet<number>;
}

/** Runs `serve` to its end and notes what it made on the way. */
async function serveToItsEnd(house: House): Promise<Failed> {
  const program = startCommand(['serve', '--config', house.configPath]);
  const regions = new Set<string>();
  const pids = new Set<number>();
  const watch = setInterval(() => {
    for (const region of house.regions()) regions.add(region);
    for (const { pid } of processTree(program.pid)) pids.add(pid);
  }, 20);
  try {
    return { ...(await program.ended), regions, pids };
  } finally {
    clearInterval(watch);
  }
}

function assertNothingLeft(house: House, { regions, pids }: Failed): void {
  assert.ok(regions.size > 0 && pids.size >= 3, 'the tree was never seen');
  for (const region of regions) assert.not(isInMemory(region), `${region} is left in memory`);
  assert.equal(foldersIn(house.runFolders), []);
  const left = processTree(process.pid).filter(({ pid }) => pids.has(pid));
  assert.equal(left, []);
}

function refusesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, ADDRESSES.engine);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

function listenTcp(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, ADDRESSES.engine, () => resolve(server));
  });
}

test('a wrong configuration: exit 78 with file, place, key, value and what is allowed, and no process is started', () =>
  withHouse(async (house) => {
    const ports = await writeConfig(house);
    house.edit((file) => {
      file['media'] = { ...(file['media'] as object), threads: 900 };
    });
    const program = startCommand(['serve', '--config', house.configPath]);
    const { code, output } = await program.ended;
    assert.is(code, 78, output);
    assert.match(output, new RegExp(`${house.configPath}:\\d+:\\d+`));
    for (const word of ['media.threads', '900', '64']) assert.match(output, word);
    assert.not.match(output, 'at file:');
    assert.equal(foldersIn(house.runFolders), []);
    assert.ok(await refusesConnections(ports.sip));
    assert.ok(await refusesConnections(ports.http));
  }));

test('the SIP port in use: one plain sentence, exit 1, nothing left', () =>
  withHouse(async (house) => {
    const { sip, http } = await writeConfig(house);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(sip, ADDRESSES.engine, resolve));
    const failed = await serveToItsEnd(house);
    socket.close();
    assert.is(failed.code, 1, failed.output);
    assert.match(failed.output, `can't listen on udp://127.0.0.1:${sip}: another program has it`);
    assert.not.match(failed.output, 'is ready');
    assertNothingLeft(house, failed);
    assert.ok(await refusesConnections(http));
  }));

test('the HTTP port in use: one plain sentence, exit 1, no call was ever taken, nothing left', () =>
  withHouse(async (house) => {
    const { sip, http } = await writeConfig(house);
    const server = await listenTcp(http);
    const failed = await serveToItsEnd(house);
    server.close();
    assert.is(failed.code, 1, failed.output);
    assert.match(failed.output, `can't listen on http://127.0.0.1:${http}: another program has it`);
    assert.not.match(failed.output, 'is ready');
    assertNothingLeft(house, failed);
    assert.ok(await refusesConnections(sip));
  }));

test('a store in a folder that can’t be made: one plain sentence, exit 1, nothing left', () =>
  withHouse(async (house) => {
    await writeConfig(house);
    house.edit((file) => {
      file['store'] = { url: 'sqlite:/proc/nope/trunkyard.db' };
    });
    const failed = await serveToItsEnd(house);
    assert.is(failed.code, 1, failed.output);
    assert.match(failed.output, /\/proc\/nope\/trunkyard\.db: ENOENT/);
    assertNothingLeft(house, failed);
  }));

test('a media address that this machine doesn’t have: file, place, key and value, exit 1, nothing left', () =>
  withHouse(async (house) => {
    await writeConfig(house);
    house.edit((file) => {
      file['media'] = { addresses: [{ bind: '192.0.2.77', ports: '20000-20999' }] };
    });
    const failed = await serveToItsEnd(house);
    assert.is(failed.code, 1, failed.output);
    assert.match(
      failed.output,
      /trunkyard: \S+trunkyard\.yaml:\d+:\d+: error: media\.addresses\[0\]\.bind: 192\.0\.2\.77: can't bind/,
    );
  }));

for (const [what, below] of [
  ['is a file', 'trunkyard.yaml'],
  ['lies below a file', 'trunkyard.yaml/media'],
  ['only the kernel could make', 'link/nope/media'],
] as const) {
  test(`a media folder that ${what}: file, place, key, value and what is allowed, exit 78, nothing left`, () =>
    withHouse(async (house) => {
      await writeConfig(house);
      // Past what the configuration's check can see.
      symlinkSync('/proc', `${house.folder}/link`);
      const path = `${house.folder}/${below}`;
      house.edit((file) => {
        file['media'] = { ...(file['media'] as object), folder: path };
      });
      const failed = await serveToItsEnd(house);
      assert.is(failed.code, 78, failed.output);
      assert.match(failed.output, /\S+trunkyard\.yaml:\d+:\d+: error: media\.folder: /);
      assert.match(failed.output, `error: media.folder: ${path}: E`);
      assert.match(
        failed.output,
        '(allowed: a folder that this user may open, or a path where it may make one)',
      );
      assert.equal(foldersIn(house.runFolders), []);
    }));
}

/** Opening a pipe that nobody reads never ends, as on a disk that is gone. */
function hangStore(house: House): void {
  const path = `${house.folder}/hangs.db`;
  execFileSync('mkfifo', [path]);
  house.edit((file) => {
    file['store'] = { url: `sqlite:${path}` };
  });
}

test('SIGTERM ends a start that hangs', () =>
  withHouse(async (house) => {
    await writeConfig(house);
    hangStore(house);
    const program = startCommand(['serve', '--config', house.configPath]);
    await until(
      () => processTree(program.pid).find(({ command }) => /control-main/.test(command)),
      {
        what: 'the control process',
        limitMs: 60_000,
      },
    );
    program.signal('SIGTERM');
    const { output } = await program.ended;
    assert.not.match(output, 'is ready');
    assert.equal(foldersIn(house.runFolders), []);
  }));

test('a start that hangs is given up, with a sentence that names what it may wait for', () =>
  withHouse(async (house) => {
    await writeConfig(house);
    hangStore(house);
    const loaded = loadConfig({ path: house.configPath });
    assert.ok(loaded.ok);
    const reasons: string[] = [];
    const supervisor = new Supervisor({
      settings: loaded.value.settings,
      file: house.configPath,
      configPath: house.configPath,
      runDir: await openRunDir(house.runFolders),
      log: silentLog,
      startLimitMs: 30_000,
      onReady: () => reasons.push('ready'),
      onFailed: (message) => reasons.push(message),
    });
    supervisor.start();
    assert.is(await supervisor.finished, 1);
    const store = loaded.value.settings.store.url;
    assert.equal(reasons, [`control is not up after 30 s; it may wait for ${store}`]);
    assert.equal(foldersIn(house.runFolders), []);
  }));

test.run();
