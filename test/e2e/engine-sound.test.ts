// What the engine plays and records, driven by orders over the waist and heard over RTP: a clip on legs of two codecs,
// loops, barge-in, each party in its own channel, and what a kill -9 leaves of a recording.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RtpHeader, RtpPacket } from 'werift-rtp';
import type { ClipHandle, EndpointHandle } from '../../src/base/index.ts';
import { startHost } from '../../src/engine/index.ts';
import type { EngineEvent, ReceivedPayload, SentAudio } from '../../src/engine/index.ts';
import { clipFile } from '../support/clip-file.ts';
import { until } from '../support/loopback.ts';
import type { Opened } from '../support/media.ts';
import { MediaPlace, Party, startHostProcess, TestEngine } from '../support/media.ts';
import { encodeMuLaw, toneNear, toneSamples } from '../support/tone.ts';

const LIMIT = { limitMs: 20_000, everyMs: 5 } as const;
const AMPLITUDE = 8_000;
const CLIP_HZ = 750;
const PCMU = { payloadType: 0, kind: 'pcmu', rateKhz: 8 } as const;
/** In network order on the wire, so that no codec of ours is needed to hear it. */
const L16 = { payloadType: 97, kind: 'l16', rateKhz: 16 } as const;
const EVENTS: ReceivedPayload = { payloadType: 101, kind: 'telephoneEvent', rateKhz: 8 };

type Codec = typeof PCMU | typeof L16;
type EventOf<Kind extends EngineEvent['kind']> = Extract<EngineEvent, { readonly kind: Kind }>;

const sent = (codec: Codec): SentAudio => ({
  ...codec,
  packetMs: 20,
  event: null,
  comfortPayloadType: null,
  redundancyPayloadType: null,
  opus: {
    bitrateBps: 0,
    playbackRateHz: 48_000,
    complexity: 5,
    lossPercent: 0,
    fec: false,
    dtx: false,
    cbr: false,
  },
});

/** A party with its leg, which talks and hears one codec. */
class Telephone {
  readonly party: Party;
  readonly leg: Opened;
  readonly codec: Codec;
  #sequence = 0;
  #timer: NodeJS.Timeout | null = null;

  private constructor(party: Party, leg: Opened, codec: Codec) {
    this.party = party;
    this.leg = leg;
    this.codec = codec;
  }

  static async open(engine: TestEngine, codec: Codec): Promise<Telephone> {
    const party = await Party.open();
    const leg = await engine.openFor(party);
    const answer = await engine.order({
      kind: 'setAudio',
      endpoint: leg.endpoint,
      receive: [codec, EVENTS],
      send: sent(codec),
      bufferSize: 'medium',
      detectTones: false,
      muteDigits: false,
    });
    assert.is(answer.code, 'OK');
    return new Telephone(party, leg, codec);
  }

  get endpoint(): EndpointHandle {
    return this.leg.endpoint;
  }

  /** Sends PCMU: a tone, or silence. */
  say(frequencyHz: number | null): void {
    this.hush();
    const tone = toneSamples({ frequencyHz: frequencyHz ?? 0, amplitude: AMPLITUDE, seconds: 1 });
    const payload = encodeMuLaw(tone);
    this.#timer = setInterval(() => {
      const at = (this.#sequence * 160) % payload.length;
      this.#send(0, payload.subarray(at, at + 160));
    }, 20);
  }

  /** Presses a key: the first packet of a telephone-event. */
  press(digit: number): void {
    this.#send(101, Buffer.from([digit, 10, 0, 160]));
  }

  hush(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** All it has heard, as samples, from its first packet on. */
  heard(): Int16Array {
    const packets = this.party.received.filter(
      (bytes) => ((bytes[1] ?? 0) & 0x7f) === this.codec.payloadType,
    );
    const samples = packets.flatMap((bytes) => {
      const { payload } = RtpPacket.deSerialize(bytes);
      return this.codec.kind === 'l16'
        ? Array.from({ length: payload.length / 2 }, (_, index) => payload.readInt16BE(2 * index))
        : Array.from(payload, fromMuLaw);
    });
    return Int16Array.from(samples);
  }

  close(): void {
    this.hush();
    this.party.close();
  }

  #send(payloadType: number, payload: Buffer): void {
    this.#sequence += 1;
    const header = new RtpHeader({
      payloadType,
      sequenceNumber: this.#sequence,
      timestamp: 160 * this.#sequence,
      ssrc: 7,
    });
    this.party.send(this.leg.rtpPort, new RtpPacket(header, payload).serialize());
  }
}

/** G.711, table 2a, the other way round. */
function fromMuLaw(code: number): number {
  const number = ~code & 0x7f;
  const value = ((((number & 0x0f) << 3) + 132) << (number >> 4)) - 132;
  return (code & 0x80) === 0 ? -value : value;
}

function largestJump(samples: Int16Array): number {
  let largest = 0;
  for (let index = 1; index < samples.length; index += 1)
    largest = Math.max(largest, Math.abs((samples[index] ?? 0) - (samples[index - 1] ?? 0)));
  return largest;
}

function assertTone(samples: Int16Array, rateHz: number, frequencyHz: number): void {
  const found = toneNear({ sampleRateHz: rateHz, samples }, frequencyHz);
  assert.ok(Math.abs(found.frequencyHz - frequencyHz) <= 1, `${found.frequencyHz} Hz`);
  const offDb = 20 * Math.log10(found.amplitude / AMPLITUDE);
  assert.ok(Math.abs(offDb) <= 1, `${offDb} dB`);
}

interface Stage {
  readonly engine: TestEngine;
  readonly folder: string;
  readonly telephone: (codec: Codec) => Promise<Telephone>;
}

/** Runs `body` with a host, a client and a media folder, and ends all of them whatever happens. */
async function onStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  const place = new MediaPlace();
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-sound-'));
  const started = startHost(place.config({ mediaFolder: folder }));
  if (!started.ok) throw new Error(started.error.message);
  const engine = new TestEngine(place);
  const telephones: Telephone[] = [];
  const telephone = async (codec: Codec): Promise<Telephone> => {
    const opened = await Telephone.open(engine, codec);
    telephones.push(opened);
    return opened;
  };
  try {
    await body({ engine, folder, telephone });
  } finally {
    for (const opened of telephones) opened.close();
    await engine.client.close();
    await started.value.close();
    place.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function load({ engine, folder }: Stage, seconds: number): Promise<ClipHandle> {
  const tone = toneSamples({ frequencyHz: CLIP_HZ, amplitude: AMPLITUDE, seconds });
  writeFileSync(join(folder, 'tone.clip'), clipFile(tone));
  const answer = await engine.order({ kind: 'loadClip', name: 'tone.clip' });
  if (answer.kind !== 'clipLoaded' || answer.code !== 'OK') throw new Error(answer.code);
  assert.is(answer.durationMs, 1_000 * seconds);
  return answer.clip;
}

const PLAY = {
  kind: 'play',
  startMs: 0,
  times: 1,
  replaces: false,
  endsOnDigit: false,
  endsOnVoice: false,
} as const;

function ended(engine: TestEngine, endpoint: EndpointHandle): Promise<EventOf<'playEnded'>> {
  return engine.hears(
    (event): event is EventOf<'playEnded'> =>
      event.kind === 'playEnded' && 'endpoint' in event && event.endpoint === endpoint,
  );
}

test('one clip is heard by legs of two codecs, in loops and a queue without a seam', () =>
  onStage(async (stage) => {
    const { engine } = stage;
    const clip = await load(stage, 0.4);
    for (const codec of [PCMU, L16]) {
      const telephone = await stage.telephone(codec);
      const { endpoint } = telephone;
      assert.is((await engine.order({ ...PLAY, endpoint, clip, times: 3 })).code, 'OK');
      assert.is((await engine.order({ ...PLAY, endpoint, clip })).code, 'OK');
      await until(() => engine.heard.filter(({ kind }) => kind === 'playEnded').length >= 2, {
        what: 'both ends',
        ...LIMIT,
      });
      const rate = 1_000 * codec.rateKhz;
      await until(() => telephone.heard().length >= 1.6 * rate, { what: 'all of it', ...LIMIT });
      const heard = telephone.heard();
      assert.is(heard.length, 1.6 * rate);
      assertTone(heard, rate, CLIP_HZ);
      // The tone's own step is at most this, and what G.711 adds; no seam is a greater one.
      const own = (2 * Math.PI * CLIP_HZ * AMPLITUDE) / rate;
      assert.ok(largestJump(heard) < 1.1 * own + 256, String(largestJump(heard)));
      engine.heard.length = 0;
    }
  }));

test('a key press and a voice each end what they are to end', () =>
  onStage(async (stage) => {
    const { engine } = stage;
    const clip = await load(stage, 0.4);
    const presser = await stage.telephone(PCMU);
    const speaker = await stage.telephone(PCMU);
    const endless = { ...PLAY, clip, times: 0 };
    await engine.order({ ...endless, endpoint: presser.endpoint, endsOnDigit: true });
    await engine.order({ ...endless, endpoint: speaker.endpoint, endsOnVoice: true });
    speaker.say(null);
    await until(() => presser.heard().length > 4_000, { what: 'the clip', ...LIMIT });
    presser.press(5);
    assert.is((await ended(engine, presser.endpoint)).end, 'digit');
    speaker.say(600);
    assert.is((await ended(engine, speaker.endpoint)).end, 'voice');
  }));

/** Channel by channel, from a finished WAV of two channels. */
function channelsOf(file: Buffer): readonly [Int16Array, Int16Array] {
  const data = file.subarray(file.indexOf('data') + 8);
  const channel = (index: number): Int16Array =>
    Int16Array.from({ length: data.length / 4 }, (_, at) => data.readInt16LE(4 * at + 2 * index));
  return [channel(0), channel(1)];
}

const RECORD = {
  kind: 'startRecording',
  container: 'wav',
  sound: 'dual',
  rateKhz: 8,
  maximumMs: 0,
  endSilenceMs: 0,
  trimsSilence: false,
} as const;

test('a recording holds each party of a forwarded call in its own channel', () =>
  onStage(async ({ engine, folder, telephone }) => {
    const [alice, bob] = [await telephone(PCMU), await telephone(PCMU)];
    await engine.link(alice.endpoint, bob.endpoint);
    await engine.link(bob.endpoint, alice.endpoint);
    alice.say(500);
    bob.say(900);
    await until(() => alice.heard().length > 4_000, { what: 'the call', ...LIMIT });
    const { endpoint } = alice;
    const started = await engine.order({ ...RECORD, endpoint, name: 'call.wav' });
    assert.is(started.code, 'OK');
    const before = bob.heard().length;
    await until(() => bob.heard().length > before + 24_000, { what: 'three seconds', ...LIMIT });
    const recording = started.order;
    assert.is((await engine.order({ kind: 'stopRecording', endpoint, recording })).code, 'OK');
    const over = await engine.hears(
      (event): event is EventOf<'recordingEnded'> => event.kind === 'recordingEnded',
    );
    assert.is(over.recording, recording);
    assert.is(over.end, 'stopped');
    assert.is(over.lostMs, 0);
    const file = readFileSync(join(folder, 'call.wav'));
    assert.is(file.length, over.bytes);
    const [received, played] = channelsOf(file);
    assert.is(received.length, 8 * over.durationMs);
    const strength = (samples: Int16Array, hz: number): number =>
      toneNear({ sampleRateHz: 8_000, samples }, hz).amplitude;
    assert.ok(strength(received, 500) > 100 * strength(received, 900));
    assert.ok(strength(played, 900) > 100 * strength(played, 500));
  }));

/** Samples in a segment's media blocks (native/spool/segment.h), all of one channel. */
function samplesInSegment(segment: Buffer): number {
  let samples = 0;
  for (let at = 72; at + 40 <= segment.length; at += 40 + segment.readUInt32BE(at + 12)) {
    assert.is(segment.toString('ascii', at, at + 4), 'TYBK');
    if (segment.readUInt8(at + 4) === 1) samples += Number(segment.readBigUInt64BE(at + 24));
  }
  return samples;
}

/** Samples at 8 kHz up to the last whole page of an Ogg file (RFC 3533 §6), its pre-skip not counted. */
function samplesInOgg(file: Buffer): number {
  const preSkip = file.readUInt16LE(file.indexOf('OpusHead') + 10);
  let granule = 0;
  for (let at = 0; at + 27 <= file.length;) {
    assert.is(file.toString('ascii', at, at + 4), 'OggS');
    const lengths = file.subarray(at + 27, at + 27 + file.readUInt8(at + 26));
    const bytes = 27 + lengths.length + lengths.reduce((sum, length) => sum + length, 0);
    if (at + bytes <= file.length) granule = Number(file.readBigUInt64LE(at + 6));
    at += bytes;
  }
  return (granule - preSkip) / 6;
}

/** What the data chunk of a WAV of 16 bits says, which has to be what there is. */
function samplesInWav(file: Buffer): number {
  const dataAt = file.indexOf('data');
  const bytes = file.readUInt32LE(dataAt + 4);
  assert.is(file.length, dataAt + 8 + bytes);
  assert.is(file.readUInt32LE(4), file.length - 8);
  return bytes / 2;
}

test('A12 after kill -9 of the media process every recording is there up to its last second, and the next start makes it good', async () => {
  const place = new MediaPlace();
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-sound-'));
  const host = await startHostProcess(place.config({ mediaFolder: folder }));
  const engine = new TestEngine(place);
  const telephone = await Telephone.open(engine, PCMU);
  const other = await Telephone.open(engine, PCMU);
  for (const each of [telephone, other]) each.say(500);
  const forms = [
    { endpoint: telephone.endpoint, name: 'call', container: 'segments' },
    { endpoint: telephone.endpoint, name: 'call.wav', container: 'wav' },
    { endpoint: other.endpoint, name: 'call.ogg', container: 'oggOpus' },
  ] as const;
  for (const form of forms)
    assert.is((await engine.order({ ...RECORD, ...form, sound: 'received' })).code, 'OK');
  const began = performance.now();
  await until(() => performance.now() - began > 4_000, { what: 'four seconds', ...LIMIT });
  const recordedMs = performance.now() - began;
  host.kill('SIGKILL');
  await until(() => host.signalCode !== null, { what: 'the host’s end', ...LIMIT });
  for (const each of [telephone, other]) each.close();
  await engine.client.close();

  const next = await startHostProcess(place.config({ mediaFolder: folder }));
  const again = new TestEngine(place);
  await until(() => again.client.nodeCounters().recordingsRecovered === 3, {
    what: 'the recovery',
    ...LIMIT,
  });
  assert.equal(readdirSync(folder).toSorted(), ['call.00000.seg', 'call.ogg', 'call.wav']);
  const contents = (name: string): Buffer => readFileSync(join(folder, name));
  const segment = contents('call.00000.seg');
  const seal = segment.subarray(segment.length - 88);
  assert.is(seal.readUInt8(4), 3, 'the last block is a seal');
  assert.is(seal.readUInt8(41), 1, 'which says that it came after a crash');
  const recorded = [
    samplesInSegment(segment),
    samplesInWav(contents('call.wav')),
    samplesInOgg(contents('call.ogg')),
  ];
  for (const samples of recorded)
    assert.ok(samples / 8 > recordedMs - 1_000, `${samples / 8} of ${recordedMs} ms`);
  await again.client.close();
  next.kill('SIGTERM');
  await until(() => next.exitCode !== null, { what: 'the host’s good end', ...LIMIT });
  place.remove();
  rmSync(folder, { recursive: true, force: true });
});

test.run();
