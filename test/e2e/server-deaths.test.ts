// limit: 180s
// The death of one process of the tree at a time; the control process's own is in sipp-drain.test.ts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/loopback.ts';
import { sendSignal } from '../support/processes.ts';
import { ECHO, foldersIn, isAlive, isInMemory, withHouse } from './server-harness.ts';
import { rtpPacket } from './server-phone.ts';

function onlyPid(pids: readonly number[]): number {
  const [pid, ...more] = pids;
  if (pid === undefined || more.length > 0) throw new Error(`${pids.length} processes, not one`);
  return pid;
}

test('F27 kill -9 of the media process ends its calls with ENGINE_LOST, and the next call works on a new one', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    const [region = ''] = house.regions();
    assert.ok(isInMemory(region));
    const phone = await house.phone();
    await phone.call(ECHO, engine.sip);
    const media = onlyPid(engine.pidsOf('media-main'));
    sendSignal(media, 'SIGKILL');
    await phone.requestComes('BYE');
    const cdrs = await engine.cdrsWhenThere(1);
    for (const cdr of cdrs) assert.is(cdr.cause, 'ENGINE_LOST');
    await until(async () => (await house.http('GET', '/readyz')).ok, {
      what: 'a new media process',
      limitMs: 15_000,
    });
    assert.not(isInMemory(region), 'the dead process’s memory is still there');
    assert.is.not(onlyPid(engine.pidsOf('media-main')), media);

    const dialog = await phone.call(ECHO, engine.sip);
    await until(
      async () => {
        await phone.audio.send(rtpPacket(1, phone.audio.received.length), dialog.media);
        return phone.audio.received.length > 0;
      },
      { what: 'the echo', limitMs: 5000, everyMs: 20 },
    );
    const end = await house.stop();
    assert.is(end.code, 0, end.output);
    assert.equal(foldersIn(house.runFolders), []);
  }));

test('kill -9 of the supervisor: its children end by themselves and take everything with them', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    const children = [...engine.pidsOf('media-main'), ...engine.pidsOf('control-main')];
    assert.is(children.length, 2);
    const regions = house.regions();
    assert.is(regions.length, 1);
    engine.signal('SIGKILL');
    await until(() => !children.some(isAlive), { what: 'the children’s end', limitMs: 10_000 });
    assert.not(regions.some(isInMemory), 'shared memory is left');
    assert.equal(foldersIn(house.runFolders), []);
    await house.start();
    assert.is((await house.stop()).code, 0);
  }));

test('a control process that is started again beside a media process that is stopped has it replaced', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    const media = onlyPid(engine.pidsOf('media-main'));
    sendSignal(media, 'SIGSTOP');
    sendSignal(onlyPid(engine.pidsOf('control-main')), 'SIGKILL');
    await until(() => !isAlive(media), { what: 'the stopped process’s end', limitMs: 30_000 });
    await until(async () => (await house.http('GET', '/readyz').catch(() => null))?.ok === true, {
      what: 'a node that is ready again',
      limitMs: 15_000,
    });
    assert.is.not(onlyPid(engine.pidsOf('media-main')), media);
    assert.is((await house.stop()).code, 0);
  }));

test('a process that keeps dying ends the tree, with a reason', () =>
  withHouse(async (house) => {
    const engine = await house.start();
    let killed = 0;
    const end = engine.ended.then((ended) => ({ ended }));
    let over: Awaited<typeof end> | null = null;
    void end.then((value) => {
      over = value;
    });
    await until(
      () => {
        for (const pid of engine.pidsOf('media-main')) {
          sendSignal(pid, 'SIGKILL');
          killed += 1;
        }
        return over !== null;
      },
      { what: 'the tree’s end', limitMs: 25_000, everyMs: 100 },
    );
    const { ended } = await end;
    assert.is(ended.code, 1, ended.output);
    assert.match(ended.output, 'giving up');
    assert.ok(killed >= 5);
    assert.equal(foldersIn(house.runFolders), []);
  }));

test.run();
