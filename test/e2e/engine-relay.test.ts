// again: kernel-path
// The built addon in this process: host, client and parties, with RTP and RTCP read by werift as an independent judge.
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  RtcpPacketConverter,
  RtcpRrPacket,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtpPacket,
} from 'werift-rtp';
import { endpointHandle, orderId } from '../../src/base/index.ts';
import { loadAddon } from '../../src/engine/addon.ts';
import { attachEngine, RELAY_TIME_BOUNDS_US, startHost } from '../../src/engine/index.ts';
import type { EngineHost, EngineOrder } from '../../src/engine/index.ts';
import { until } from '../support/loopback.ts';
import { WITH_KERNEL_PATH } from '../support/kernel-path.ts';
import {
  MEDIA_ADDRESS,
  MediaPlace,
  Party,
  startHostProcess,
  TestEngine,
} from '../support/media.ts';

interface Stage {
  readonly place: MediaPlace;
  readonly host: EngineHost;
  readonly engine: TestEngine;
  readonly party: () => Promise<Party>;
}

/** Runs `body` with a host and a client, and ends both and all parties whatever happens. */
async function onStage(
  fields: Parameters<MediaPlace['config']>[0],
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const place = new MediaPlace();
  const started = startHost(place.config(fields));
  if (!started.ok) throw new Error(started.error.message);
  const engine = new TestEngine(place);
  const parties: Party[] = [];
  const party = async (): Promise<Party> => {
    const opened = await Party.open();
    parties.push(opened);
    return opened;
  };
  try {
    await body({ place, host: started.value, engine, party });
  } finally {
    for (const opened of parties) opened.close();
    await engine.client.close();
    await started.value.close();
    place.remove();
  }
}

const isRtp = (bytes: Buffer): boolean => bytes.length > 12 && ((bytes[1] ?? 0) & 0x7f) === 0;
const isRtcp = (bytes: Buffer): boolean => (bytes[1] ?? 0) >= 192 && (bytes[1] ?? 0) <= 223;

test('what one party sends the other gets, byte for byte, and both legs’ books agree', () =>
  onStage({}, async ({ engine, party }) => {
    const [alice, bob] = [await party(), await party()];
    const [left, right] = [await engine.openFor(alice), await engine.openFor(bob)];
    await engine.link(left.endpoint, right.endpoint);
    for (let count = 0; count < 50; count += 1) alice.sendRtp(left.rtpPort);
    await until(() => bob.received.filter(isRtp).length === 50, {
      what: '50 packets',
      limitMs: 10_000,
    });
    const packets = bob.received.filter(isRtp).map((bytes) => RtpPacket.deSerialize(bytes));
    assert.equal(
      packets.map(({ header }) => header.sequenceNumber),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    assert.ok(packets.every(({ header, payload }) => header.ssrc === 7 && payload.length === 160));
    await until(() => engine.client.stats(left.endpoint)?.packetsReceived === 50, {
      what: 'statistics',
      limitMs: 10_000,
    });
    assert.is(engine.client.nodeCounters().packetsSent, 50);
    const closed = await engine.order({ kind: 'closeEndpoint', endpoint: right.endpoint });
    assert.is(closed.kind === 'endpointClosed' && closed.counters.packetsSent, 50);
    assert.is(engine.client.stats(right.endpoint), null);
  }));

test('A28 how long packets take through the engine is a histogram that relayed packets alone add to', () =>
  onStage({}, async ({ engine, party }) => {
    const [alice, bob] = [await party(), await party()];
    const [left, right] = [await engine.openFor(alice), await engine.openFor(bob)];
    await engine.link(left.endpoint, right.endpoint);
    const sampled = (): number =>
      engine.client.relayTimes().counts.reduce((sum, count) => sum + count, 0);
    // In small bursts, so that no socket's buffer overflows.
    const inBursts = async (send: () => void, arrived: () => number): Promise<void> => {
      for (let sent = 40; sent <= 480; sent += 40) {
        for (let count = 0; count < 40; count += 1) send();
        await until(() => arrived() === sent, { what: `${sent} packets`, limitMs: 10_000 });
      }
    };
    // Nothing leads back from bob, so his packets are received and go nowhere.
    await inBursts(
      () => bob.sendRtp(right.rtpPort),
      () => engine.client.nodeCounters().packetsUnlinked,
    );
    assert.is(sampled(), 0);
    const began = performance.now();
    await inBursts(
      () => alice.sendRtp(left.rtpPort),
      () => bob.received.filter(isRtp).length,
    );
    const tookUs = 1000 * (performance.now() - began);
    // One of sixteen, unless other work of the thread was sampled in place of a packet.
    await until(() => sampled() >= 15, { what: 'samples', limitMs: 10_000 });
    const { counts, sumUs } = engine.client.relayTimes();
    assert.is(counts.length, RELAY_TIME_BOUNDS_US.length + 1);
    assert.ok(sampled() <= 31, `${sampled()} samples`);
    assert.ok(sumUs > 0 && sumUs / sampled() < tookUs, `${sumUs} us in ${sampled()} samples`);
  }));

test('A27 reports are generated that another implementation reads, and its answer gives the round trip', () =>
  onStage({}, async ({ engine, party }) => {
    const [alice, bob] = [await party(), await party()];
    const [left, right] = [await engine.openFor(alice), await engine.openFor(bob)];
    await engine.link(left.endpoint, right.endpoint);
    const talking = setInterval(() => alice.sendRtp(left.rtpPort), 20);
    try {
      const toBob = RtcpPacketConverter.deSerialize(await bob.gets(isRtcp, 'a report for bob'));
      const [report, description] = toBob;
      assert.instance(report, RtcpSrPacket);
      assert.instance(description, RtcpSourceDescriptionPacket);
      if (!(report instanceof RtcpSrPacket)) return;
      assert.is(report.ssrc, 7);
      assert.ok(report.senderInfo.packetCount > 0);
      assert.is(report.senderInfo.octetCount, 160 * report.senderInfo.packetCount);

      const toAlice = RtcpPacketConverter.deSerialize(
        await alice.gets(isRtcp, 'a report for alice'),
      );
      const [answer] = toAlice;
      assert.instance(answer, RtcpRrPacket);
      if (!(answer instanceof RtcpRrPacket)) return;
      assert.is(answer.reports[0]?.ssrc, 7);
      assert.is(answer.reports[0]?.packetsLost, 0);

      // Bob answers at once: a receiver report about stream 7 with the middle of the report's NTP time.
      const middle = Number((report.senderInfo.ntpTimestamp >> 16n) & 0xffff_ffffn);
      const block = Buffer.alloc(32);
      block.writeUInt8(0x81, 0);
      block.writeUInt8(201, 1);
      block.writeUInt16BE(7, 2);
      block.writeUInt32BE(99, 4);
      block.writeUInt32BE(7, 8);
      block.writeUInt32BE(middle, 24);
      bob.send(right.rtpPort, block);
      const counters = await until(
        () => {
          const now = engine.client.stats(right.endpoint);
          return now !== null && now.roundTripMs > 0 ? now : null;
        },
        { what: 'a round trip', limitMs: 10_000 },
      );
      assert.ok(counters.roundTripMs < 10_000);
      assert.is(counters.rtcpReceived, 1);
    } finally {
      clearInterval(talking);
    }
  }));

/** Both parties talk, 20 ms of PCMU at a time, while `during` goes on. */
async function talking(
  [alice, toAlice]: readonly [Party, number],
  [bob, toBob]: readonly [Party, number],
  during: () => Promise<void>,
): Promise<void> {
  const timer = setInterval(() => {
    alice.sendRtp(toAlice, 7);
    bob.sendRtp(toBob, 9);
  }, 20);
  try {
    await during();
  } finally {
    clearInterval(timer);
  }
}

/** Waits until a call's two streams are forwarded by whoever is to forward them in this run, and have been for a while. */
async function settled(engine: TestEngine): Promise<void> {
  const inKernel = WITH_KERNEL_PATH ? 2 : 0;
  await until(() => engine.client.nodeCounters().kernelStreams === inKernel, {
    what: `${inKernel} streams in the kernel`,
    limitMs: 10_000,
  });
  const { packetsSent } = engine.client.nodeCounters();
  await until(() => engine.client.nodeCounters().packetsSent > packetsSent + 20, {
    what: 'packets after that',
    limitMs: 10_000,
  });
}

const numbersOf = (party: Party): readonly number[] =>
  party.received.filter(isRtp).map((bytes) => RtpPacket.deSerialize(bytes).header.sequenceNumber);

test('a call goes on without losing or doubling a packet through re-INVITEs, a new link and digits', () =>
  onStage({}, async ({ engine, party }) => {
    const [alice, bob] = [await party(), await party()];
    const [left, right] = [await engine.openFor(alice), await engine.openFor(bob)];
    await engine.link(left.endpoint, right.endpoint);
    await engine.link(right.endpoint, left.endpoint);
    await talking([alice, left.rtpPort], [bob, right.rtpPort], async () => {
      await settled(engine);
      await engine.point(left.endpoint, alice);
      await engine.point(right.endpoint, bob);
      await settled(engine);
      await engine.link(left.endpoint, right.endpoint);
      await settled(engine);
      // A telephone-event: the link doesn't carry it, the books do.
      alice.sendRtp(left.rtpPort, 7, 101);
      await settled(engine);
    });
    const { packetsInKernel, kernelReturns } = engine.client.nodeCounters();
    assert.is(packetsInKernel > 100, WITH_KERNEL_PATH);
    assert.is(kernelReturns > 0, WITH_KERNEL_PATH);
    const sent = { alice: alice.sent, bob: bob.sent };
    await until(
      () => numbersOf(bob).at(-1) === sent.alice && numbersOf(alice).at(-1) === sent.bob,
      {
        what: 'the last packets',
        limitMs: 10_000,
      },
    );
    const all = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
    const heardByBob = numbersOf(bob);
    const [digit] = all(sent.alice).filter((number) => !heardByBob.includes(number));
    assert.equal(
      heardByBob,
      all(sent.alice).filter((number) => number !== digit),
    );
    assert.equal(numbersOf(alice), all(sent.bob));
    for (const [leg, count] of [
      [left, sent.alice],
      [right, sent.bob],
    ] as const) {
      const closed = await engine.order({ kind: 'closeEndpoint', endpoint: leg.endpoint });
      assert.is(closed.kind === 'endpointClosed' && closed.counters.packetsReceived, count);
      assert.is(closed.kind === 'endpointClosed' && closed.counters.packetsLost, 0);
    }
  }));

test('a media process that is killed leaves nothing behind that forwards', async () => {
  const place = new MediaPlace();
  const host = await startHostProcess(place.config());
  const engine = new TestEngine(place);
  const [alice, bob] = [await Party.open(), await Party.open()];
  const [left, right] = [await engine.openFor(alice), await engine.openFor(bob)];
  await engine.link(left.endpoint, right.endpoint);
  await engine.link(right.endpoint, left.endpoint);
  await talking([alice, left.rtpPort], [bob, right.rtpPort], async () => {
    await settled(engine);
    host.kill('SIGKILL');
    await until(() => host.signalCode !== null, { what: 'the end', limitMs: 10_000 });
    await until(() => engine.heard.at(-1)?.kind === 'engineLost', {
      what: 'engineLost',
      limitMs: 10_000,
    });
    // What was under way by then has come.
    const [byAlice, byBob] = [alice.sent, bob.sent];
    await until(() => alice.sent > byAlice + 20, { what: 'further packets', limitMs: 10_000 });
    assert.ok(numbersOf(bob).every((number) => number <= byAlice + 1));
    assert.ok(numbersOf(alice).every((number) => number <= byBob + 1));
  });
  alice.close();
  bob.close();
  await engine.client.close();
  place.remove();
});

test('a stale handle, a double close and a lost call’s late order are answers, not accidents', () =>
  onStage({}, async ({ engine, party }) => {
    const leg = await engine.openFor(await party());
    assert.is((await engine.order({ kind: 'closeEndpoint', endpoint: leg.endpoint })).code, 'OK');
    assert.is(
      (await engine.order({ kind: 'closeEndpoint', endpoint: leg.endpoint })).code,
      'HANDLE_STALE',
    );
    assert.is((await engine.link(leg.endpoint, leg.endpoint)).code, 'HANDLE_STALE');
    assert.is(
      (await engine.order({ kind: 'closeLink', from: endpointHandle(0xffff_ffff) })).code,
      'HANDLE_STALE',
    );
  }));

test('what no engine can carry out is refused by code: a name, a hold address, a wrong payload type', () =>
  onStage({}, async ({ engine }) => {
    const leg = await engine.open();
    const update = (host: string): Promise<{ readonly code: string }> =>
      engine.order({
        kind: 'updateEndpoint',
        endpoint: leg.endpoint,
        remoteRtp: { host, port: 4000 },
        remoteRtcp: null,
        rtcpMux: false,
        sourceRule: 'strict',
        inactivityMs: 0,
        clockRates: [],
      });
    for (const host of ['media.example', '0.0.0.0', '::1', '239.1.1.1']) {
      assert.is((await update(host)).code, 'ADDRESS_INVALID', host);
    }
    const link = await engine.order({
      kind: 'openLink',
      from: leg.endpoint,
      to: leg.endpoint,
      payloadMap: [[0, 200]],
      mode: 'forward',
      conversions: [],
    });
    assert.is(link.code, 'ORDER_INVALID');
    assert.is(
      (await engine.order({ kind: 'openEndpoint', affinity: 0, addressIndex: 9 })).code,
      'ADDRESS_INVALID',
    );
  }));

test('a batch larger than the ring is not taken at all, the next smaller one is', () =>
  onStage({ orderRingRecords: 16, eventRingRecords: 16 }, async ({ engine }) => {
    const batch: EngineOrder[] = Array.from({ length: 17 }, (_, index) => ({
      kind: 'closeLink',
      order: orderId(1000 + index),
      from: endpointHandle(0),
    }));
    assert.is(engine.client.submit(batch), false);
    assert.is(engine.client.submit(batch.slice(1)), true);
    await until(() => engine.heard.length === 16, { what: '16 answers', limitMs: 10_000 });
  }));

test('one client at a time: the next attaches after close and finds the old endpoints gone', () =>
  onStage({}, async ({ place, engine, party }) => {
    const leg = await engine.openFor(await party());
    const second = attachEngine(place, () => undefined);
    assert.is(!second.ok && second.error.code, 'ENGINE_LOST');
    await engine.client.close();
    await engine.client.close();
    assert.is(engine.client.submit([]), false);
    const next = new TestEngine(place);
    assert.is(
      (await next.order({ kind: 'closeEndpoint', endpoint: leg.endpoint })).code,
      'HANDLE_STALE',
    );
    assert.is(next.client.nodeCounters().endpointsOpen, 0);
    await next.client.close();
  }));

test('an exception of whoever hears the events is the process’s, not swallowed', () =>
  onStage({}, async ({ place, engine }) => {
    await engine.client.close();
    const attached = attachEngine(place, ([event]) => {
      throw new Error(`heard ${event?.kind ?? 'nothing'}`);
    });
    if (!attached.ok) throw new Error(attached.error.message);
    const caught: Error[] = [];
    process.once('uncaughtException', (error) => caught.push(error));
    const order = {
      kind: 'openEndpoint',
      order: orderId(1),
      affinity: 0,
      addressIndex: 0,
    } as const;
    assert.is(attached.value.submit([order]), true);
    try {
      await until(() => caught.length > 0, { what: 'the exception', limitMs: 10_000 });
    } finally {
      await attached.value.close();
    }
    assert.is(caught[0]?.message, 'heard endpointOpened');
  }));

test('the end of the host is the last thing a client hears', () =>
  onStage({}, async ({ host, engine }) => {
    await engine.open();
    await host.close();
    await host.close();
    await until(() => engine.heard.at(-1)?.kind === 'engineLost', {
      what: 'engineLost',
      limitMs: 10_000,
    });
    assert.is(engine.heard.filter(({ kind }) => kind === 'engineLost').length, 1);
    assert.is(engine.client.submit([]), false);
    assert.is(engine.client.stats(endpointHandle(1)), null);
  }));

test('a host refuses what it can’t keep, by value: addresses, ports, sizes, a region that exists', () =>
  onStage({}, async ({ place }) => {
    const refused = (fields: Parameters<MediaPlace['config']>[0]): string => {
      const started = startHost({
        ...place.config(fields),
        ...(fields?.region === undefined ? { region: `${place.region}-x` } : {}),
      });
      assert.is(started.ok, false);
      return started.ok ? '' : `${started.error.code} ${started.error.message}`;
    };
    const address = { bind: '127.0.0.1', portMin: 21_000, portMax: 21_099 };
    assert.match(
      refused({ addresses: [{ ...address, bind: 'localhost' }] }),
      /CONFIG_INVALID .*localhost/,
    );
    assert.match(
      refused({ addresses: [{ ...address, bind: '192.0.2.1' }] }),
      /CONFIG_INVALID .*addresses\[0\]/,
    );
    assert.match(
      refused({ addresses: [{ ...address, portMax: 21_000 }] }),
      /CONFIG_INVALID .*21000-21000/,
    );
    assert.match(refused({ addresses: [] }), /CONFIG_INVALID .*addresses/);
    assert.match(refused({ endpointsMax: 17_000 }), /CONFIG_INVALID .*17000/);
    assert.match(refused({ eventRingRecords: 100 }), /CONFIG_INVALID .*100/);
    assert.match(refused({ region: '../x' }), /CONFIG_INVALID .*region/);
    assert.match(refused({ region: place.region }), /CONFIG_INVALID .*exists/);
    assert.throws(() => startHost(place.config({ threads: 0 })), TypeError);
    assert.throws(() => startHost(place.config({ threads: 1.5 })), /threads must be an integer/);
    const isa = 8 as unknown as 'avx2';
    assert.throws(() => startHost(place.config({ isa })), /isa must be a string/);
  }));

test('an exception that reading the configuration raises comes through as it is', () => {
  const addon = loadAddon(null);
  const config = {
    region: 'r',
    runDir: '/nonexistent',
    mediaFolder: '',
    threads: 1,
    endpointsMax: 1,
    portRestMs: 0,
    orderRingRecords: 16,
    eventRingRecords: 16,
    conferenceParticipantsMax: 2,
    addresses: [],
    kernelPath: false,
  };
  const spoilt = (name: string): typeof config =>
    Object.defineProperty({ ...config }, name, {
      get: () => {
        throw new RangeError(name);
      },
    });
  for (const name of ['region', 'threads', 'addresses'])
    assert.throws(
      () => addon.start(spoilt(name)),
      (error: unknown) => error instanceof RangeError,
    );
  assert.throws(
    () => addon.attach(spoilt('runDir'), () => undefined),
    (error: unknown) => error instanceof RangeError,
  );
});

test('a worker thread that ends with a host and a client open takes nothing with it', async () => {
  const place = new MediaPlace();
  const bytes = new Uint8Array(16);
  bytes.set(MEDIA_ADDRESS.split('.').map(Number));
  const rings = { orderRingRecords: 16, eventRingRecords: 16 };
  const config = {
    conferenceParticipantsMax: 2,
    ...place.config(rings),
    mediaFolder: '',
    addresses: [{ family: 4, bytes, portMin: 20_000, portMax: 20_099 }],
  };
  // The addon itself, because a worker without a loader can't read TypeScript.
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const addon = require('node-gyp-build')(workerData.root);
     globalThis.kept = [addon.start(workerData.config), addon.attach(workerData.config, () => undefined)];
     parentPort.postMessage(globalThis.kept.map(({ code }) => code));`,
    { eval: true, workerData: { root: fileURLToPath(new URL('../..', import.meta.url)), config } },
  );
  const codes = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.equal(codes, ['OK', 'OK']);
  await worker.terminate();
  // The same region again: memory, pipes and ports were given back.
  const next = startHost(place.config());
  assert.is(next.ok, true);
  if (next.ok) await next.value.close();
  place.remove();
});

test.run();
