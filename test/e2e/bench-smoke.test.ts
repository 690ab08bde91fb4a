// needs: cmake
// limit: 300s
// The relay bench in small, so that it can't rot: the load tool is built, and 20 streams go through the compiled media
// process for a second. Whether the machine is quiet enough for figures is of no interest here.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseCores } from '../../bench/machine/cores.ts';
import { relayFloor } from '../../bench/peers/relay-floor.ts';
import { trunkyardMedia } from '../../bench/peers/trunkyard-media.ts';
import { runDirect, runRelay } from '../../bench/scenarios/relay-run.ts';
import { buildLoadTool } from '../../bench/scenarios/rtp-load.ts';

const SIZE = { calls: 10, times: { warmupMs: 200, measureMs: 1_000 } };
/** 20 streams of 50 packets a second; a loaded machine may keep many of them back. */
const PACKETS_MIN = 100;

test('the load tool counts every packet that it sends to itself', async () => {
  buildLoadTool();
  const { load } = await runDirect(SIZE, chooseCores());
  assert.ok(load.sent >= PACKETS_MIN, `${load.sent} sent`);
  assert.is(load.received, load.sent);
  assert.is(load.misdelivered, 0);
  assert.is(load.duplicates, 0);
});

for (const program of [trunkyardMedia, relayFloor]) {
  test(`20 streams go through ${program.name}, each to its own end, and cost it something`, async () => {
    const run = await runRelay(program, SIZE, chooseCores());
    assert.ok(run.load.received >= PACKETS_MIN, `${run.load.received} received`);
    assert.is(run.load.misdelivered, 0);
    assert.is(run.load.duplicates, 0);
    assert.ok(run.cpuNsPerPacket > 0);
  });
}

test.run();
