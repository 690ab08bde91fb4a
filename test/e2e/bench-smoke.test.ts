// needs: cmake
// limit: 300s
// runs: anywhere
// The media benches in small, so that they can't rot: their programs are built, a few streams go through the compiled media
// process for a second. Whether the machine is quiet enough for figures is of no interest here.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseCores } from '../../bench/machine/cores.ts';
import { relayFloor } from '../../bench/peers/relay-floor.ts';
import type { CallMedia } from '../../bench/peers/media-program.ts';
import { trunkyardMedia } from '../../bench/peers/trunkyard-media.ts';
import { runCountsSuite } from '../../bench/rooms/counts.ts';
import { runJitterSuite } from '../../bench/rooms/jitter.ts';
import { quantileUs } from '../../bench/figures/relay-times.ts';
import { findProgram } from '../../bench/machine/programs.ts';
import { runRooms } from '../../bench/scenarios/mix.ts';
import { runDirect, runLoaded, runRelay } from '../../bench/scenarios/relay-run.ts';
import { buildLoadTool, buildPayloads } from '../../bench/scenarios/rtp-load.ts';

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

test('A28 the bench reads how long packets took from the engine’s own histogram', async () => {
  const run = await runLoaded(trunkyardMedia, SIZE, chooseCores());
  const p50 = quantileUs(run.ownTimes, 0.5);
  const p99 = quantileUs(run.ownTimes, 0.99);
  assert.ok(p50 !== null && p99 !== null && p50 > 0 && p50 <= p99, `${p50} and ${p99} us`);
});

const MEDIA: Readonly<Record<string, CallMedia>> = {
  'SRTP at one end': {
    a: { codec: 'PCMU', key: null },
    b: { codec: 'PCMU', key: Buffer.alloc(30, 7) },
  },
  'PCMU to PCMA': { a: { codec: 'PCMU', key: null }, b: { codec: 'PCMA', key: null } },
  'PCMU to G.722': { a: { codec: 'PCMU', key: null }, b: { codec: 'G722', key: null } },
  'PCMU to Opus': { a: { codec: 'PCMU', key: null }, b: { codec: 'opus', key: null } },
};

for (const [name, media] of Object.entries(MEDIA)) {
  test(`calls with ${name} are carried both ways, each packet to its own end`, async () => {
    buildPayloads();
    const run = await runLoaded(trunkyardMedia, { ...SIZE, calls: 4, media }, chooseCores());
    // 400 packets; what one way alone brings is not enough.
    assert.ok(run.load.received > 250, `${run.load.received} of ${run.load.sent} received`);
    assert.is(run.load.misdelivered, 0);
    assert.ok(run.cpuNsPerPacket > 0);
  });
}

test('participants of conferences are sent what they hear, each at its own end', async () => {
  buildPayloads();
  const size = { participants: 12, times: SIZE.times };
  const { run, share } = await runRooms({ roomSize: 5, talkersMax: 2 }, size, chooseCores());
  assert.ok(run.load.received >= PACKETS_MIN, `${run.load.received} of ${run.load.sent} received`);
  assert.is(run.load.misdelivered, 0);
  assert.ok(share > 0 && share < 0.1, `${share} of a core`);
});

test('the rooms’ suites read what their programs print', () => {
  const quiet = { say: (): void => undefined };
  const jitter = runJitterSuite('lan', quiet);
  assert.ok(
    jitter.results.some(({ name, value }) => name === 'jitter.to_hindsight.lan' && value > 0.5),
  );
  if (findProgram('valgrind') !== null) {
    const counts = runCountsSuite((room) => room === 'leg', quiet);
    const plain = counts.results.find(({ name }) => name === 'counts.leg.plain_to_plain');
    assert.ok(plain !== undefined && plain.value > 50 && plain.value < 2_000, `${plain?.value}`);
  }
});

test.run();
