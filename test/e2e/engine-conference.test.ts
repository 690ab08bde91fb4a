// limit: 240s
// runs: alone
// A conference of a hundred parties over RTP, on two media threads. Each has a tone of its own, so a filter at every ear
// tells exactly whom it hears. Streams are encoded before and decoded after the call, by codecs that are not ours.
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConferenceHandle, EndpointHandle } from '../../src/base/index.ts';
import { startHost } from '../../src/engine/index.ts';
import type { ParticipantRole, SentAudio } from '../../src/engine/index.ts';
import { G722, OPUS, PCMU } from '../support/codecs.ts';
import type { VoiceCodec } from '../support/codecs.ts';
import { MEDIA_ADDRESS, MediaPlace, TestEngine } from '../support/media.ts';
import { BOOKS_BEHIND_MS, StreamBooks } from '../support/stream-books.ts';
import { amplitudeAt } from '../support/tone.ts';

const PARTIES = 100;
const TOGETHER = 8;
const GROUPS = Math.ceil(PARTIES / TOGETHER);
const FRAME_MS = 20;
const CODECS = [PCMU, G722, OPUS] as const;

// When who sounds, in ms from the first packet on.
const GROUP_FIRST_MS = 2_000;
const GROUP_EVERY_MS = 600;
const GROUP_MS = 300;
const ROLES_EVERY_MS = 900;
const ALL_LASTS_MS = 1_200;
const ALL_EVERY_MS = ALL_LASTS_MS + 600;
/** Everything is heard so often. Where a busy machine was late, buffers stretch what they play, and levels are off. */
const ROUNDS = 2;
const ROLES_ORDERED_MS = GROUP_FIRST_MS + ROUNDS * GROUPS * GROUP_EVERY_MS;
const ROLES_FIRST_MS = ROLES_ORDERED_MS + 600;
const ALL_FIRST_MS = ROLES_FIRST_MS + ROUNDS * ROLES_EVERY_MS;
const END_MS = ALL_FIRST_MS + ROUNDS * ALL_EVERY_MS + BOOKS_BEHIND_MS + 800;
const BOOKS_EVERY_MS = 250;

const GROUP_DBOV = -30;
const ALL_DBOV = -45;
/** Who is silent while all others sound. */
const SILENT = 0;
/** In the first group, when it sounds once more. Coach and coached are on one thread. */
const MUTED = 1;
const COACH = 2;
const COACHED = 4;

/** 300 to 3,300 Hz; those of a group lie far apart, neighbours sound at different times. */
const toneOf = (party: number): number =>
  300 + ((party % TOGETHER) * GROUPS + Math.floor(party / TOGETHER)) * (3_000 / (8 * GROUPS - 1));
const codecOf = (party: number): VoiceCodec => CODECS[party % CODECS.length] ?? PCMU;
const groupOf = (party: number): number => Math.floor(party / TOGETHER);
const peakOf = (dbov: number): number => 32_768 * Math.SQRT2 * 10 ** (dbov / 20);

interface Burst {
  readonly what: string;
  /** Once in each round. */
  readonly atMs: readonly number[];
  readonly lastsMs: number;
  readonly dbov: number;
  readonly sounds: (party: number) => boolean;
  /** Of those who sound, whom a party hears. */
  readonly hears: (ear: number, source: number) => boolean;
  readonly ears: (ear: number) => boolean;
}

const PARTY_NUMBERS: readonly number[] = Array.from({ length: PARTIES }, (_, party) => party);
const everyone = (): boolean => true;
const timesOf = (firstMs: number, everyMs: number): number[] =>
  Array.from({ length: ROUNDS }, (_, round) => firstMs + round * everyMs);
const hearsInRoles = (ear: number, source: number): boolean =>
  source !== MUTED && (source !== COACH || ear === COACHED);
const BURSTS: readonly Burst[] = [
  ...Array.from({ length: GROUPS }, (_, group) => ({
    what: `group ${group}`,
    atMs: timesOf(GROUP_FIRST_MS + group * GROUP_EVERY_MS, GROUPS * GROUP_EVERY_MS),
    lastsMs: GROUP_MS,
    dbov: GROUP_DBOV,
    sounds: (party: number) => groupOf(party) === group,
    hears: everyone,
    ears: everyone,
  })),
  {
    what: 'roles',
    atMs: timesOf(ROLES_FIRST_MS, ROLES_EVERY_MS),
    lastsMs: GROUP_MS,
    dbov: GROUP_DBOV,
    sounds: (party) => groupOf(party) === 0,
    hears: hearsInRoles,
    ears: everyone,
  },
  {
    what: 'all',
    atMs: timesOf(ALL_FIRST_MS, ALL_EVERY_MS),
    lastsMs: ALL_LASTS_MS,
    dbov: ALL_DBOV,
    sounds: (party) => party !== SILENT,
    hears: hearsInRoles,
    // Opus at its bitrate draws a hundred tones together, which says nothing of the mix.
    ears: (ear) => codecOf(ear).name !== 'opus',
  },
];

/** All that a party says. */
function voiceOf(party: number): Int16Array {
  const { sampleRateHz } = codecOf(party);
  const samples = new Int16Array((END_MS * sampleRateHz) / 1_000);
  for (const { atMs, lastsMs, dbov, sounds } of BURSTS) {
    if (!sounds(party)) continue;
    const step = (2 * Math.PI * toneOf(party)) / sampleRateHz;
    const count = (lastsMs * sampleRateHz) / 1_000;
    for (const from of atMs.map((ms) => (ms * sampleRateHz) / 1_000)) {
      for (let index = 0; index < count; index += 1)
        samples[from + index] = Math.round(peakOf(dbov) * Math.sin(step * index));
    }
  }
  return samples;
}

/** Everybody's packets. Those of one codec are made in one go: each begins and ends with silence. */
function encodeAll(): Buffer[][] {
  const frames = END_MS / FRAME_MS;
  const streams: Buffer[][] = Array.from({ length: PARTIES }, () => []);
  for (const codec of CODECS) {
    const parties = [...streams.keys()].filter((party) => codecOf(party) === codec);
    const length = (END_MS * codec.sampleRateHz) / 1_000;
    const samples = new Int16Array(parties.length * length);
    parties.forEach((party, index) => samples.set(voiceOf(party), index * length));
    const payloads = codec.encode(samples);
    parties.forEach((party, index) => {
      streams[party] = payloads.slice(index * frames, (index + 1) * frames);
    });
  }
  return streams;
}

interface Heard {
  readonly atMs: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** A party's socket: what came, when. */
class Ear {
  readonly heard: Heard[] = [];
  readonly ssrcs = new Set<number>();
  readonly socket: Socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });

  constructor(party: number) {
    const { payloadType } = codecOf(party);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (bytes) => {
      if (bytes.length < 12 || (bytes.readUInt8(1) & 0x7f) !== payloadType) return;
      this.ssrcs.add(bytes.readUInt32BE(8));
      this.heard.push({
        atMs: performance.now(),
        sequence: bytes.readUInt16BE(2),
        timestamp: bytes.readUInt32BE(4),
        payload: bytes.subarray(12),
      });
    });
  }

  bind(): Promise<number> {
    return new Promise((resolve) => {
      this.socket.bind(0, MEDIA_ADDRESS, () => resolve(this.socket.address().port));
    });
  }
}

function packetOf(party: number, frame: number, payload: Buffer): Buffer {
  const { payloadType, frameClock } = codecOf(party);
  const packet = Buffer.alloc(12 + payload.length);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(payloadType, 1);
  packet.writeUInt16BE(frame & 0xffff, 2);
  packet.writeUInt32BE((frame * frameClock) >>> 0, 4);
  packet.writeUInt32BE(0x1000 + party, 8);
  payload.copy(packet, 12);
  return packet;
}

function sendingOf({ name, payloadType, sampleRateHz }: VoiceCodec): SentAudio {
  return {
    payloadType,
    kind: name,
    rateKhz: sampleRateHz / 1_000,
    packetMs: FRAME_MS,
    event: null,
    comfortPayloadType: null,
    redundancyPayloadType: null,
    opus: {
      bitrateBps: 64_000,
      playbackRateHz: 48_000,
      complexity: 5,
      lossPercent: 0,
      fec: false,
      dtx: false,
      cbr: false,
    },
  };
}

interface Seat {
  readonly endpoint: EndpointHandle;
  readonly rtpPort: number;
  readonly conference: ConferenceHandle;
}

class Hall {
  readonly engine: TestEngine;
  readonly ears = Array.from({ length: PARTIES }, (_, party) => new Ear(party));
  readonly seats: Seat[] = [];
  readonly books: StreamBooks;
  /** When everybody’s first packet was due. */
  beganMs = 0;

  constructor(place: MediaPlace) {
    this.engine = new TestEngine(place);
    this.books = new StreamBooks(this.engine.client);
  }

  /** A conference of two parts, each with every other party. */
  async fill(): Promise<void> {
    const first = await this.#openPart(0, null);
    const parts = [first, await this.#openPart(1, first)];
    for (const [party, ear] of this.ears.entries()) {
      const affinity = party % parts.length;
      const opened = await this.engine.open(affinity);
      const conference = parts[affinity] ?? first;
      this.seats.push({ endpoint: opened.endpoint, rtpPort: opened.rtpPort, conference });
      await this.#prepare(party, opened.endpoint, await ear.bind());
      await this.setRole(party, { kind: 'talk' });
    }
  }

  async setRole(party: number, role: ParticipantRole): Promise<void> {
    const { endpoint, conference } = this.seatOf(party);
    const answer = await this.engine.order({
      kind: 'setParticipant',
      endpoint,
      conference,
      role,
      gainDb: 0,
      levelled: false,
      passDigits: false,
    });
    assert.is(answer.code, 'OK');
  }

  seatOf(party: number): Seat {
    const seat = this.seats[party];
    if (seat === undefined) throw new Error(`no party ${party}`);
    return seat;
  }

  /** Sends all streams in real time, spread over the 20 ms of a frame, and gives the orders in between. */
  async talk(streams: readonly (readonly Buffer[])[]): Promise<void> {
    const sent = new Array<number>(PARTIES).fill(0);
    const endpoints = this.seats.map(({ endpoint }) => endpoint);
    let roles: Promise<void> | null = null;
    let booksMs = 0;
    this.beganMs = performance.now();
    for (;;) {
      const nowMs = performance.now() - this.beganMs;
      if (nowMs >= END_MS + FRAME_MS) break;
      if (nowMs >= booksMs) {
        this.books.write(nowMs, endpoints);
        booksMs = nowMs + BOOKS_EVERY_MS;
      }
      for (let party = 0; party < PARTIES; party += 1) {
        const due = Math.floor((nowMs - (party % FRAME_MS)) / FRAME_MS) + 1;
        const payloads = streams[party] ?? [];
        for (let frame = sent[party] ?? 0; frame < Math.min(due, payloads.length); frame += 1) {
          this.#send(party, packetOf(party, frame, payloads[frame] ?? Buffer.alloc(0)));
          sent[party] = frame + 1;
        }
      }
      if (roles === null && nowMs >= ROLES_ORDERED_MS) roles = this.#changeRoles();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await roles;
  }

  close(): void {
    for (const { socket } of this.ears) socket.close();
  }

  #send(party: number, packet: Buffer): void {
    this.ears[party]?.socket.send(packet, this.seatOf(party).rtpPort, MEDIA_ADDRESS);
  }

  async #changeRoles(): Promise<void> {
    await this.setRole(MUTED, { kind: 'listen' });
    await this.setRole(COACH, { kind: 'coach', coached: this.seatOf(COACHED).endpoint });
  }

  async #openPart(affinity: number, partOf: ConferenceHandle | null): Promise<ConferenceHandle> {
    const answer = await this.engine.order({
      kind: 'openConference',
      affinity,
      capacity: PARTIES,
      rateKhz: 16,
      partOf,
    });
    if (answer.kind !== 'conferenceOpened') throw new Error(answer.kind);
    assert.is(answer.code, 'OK');
    return answer.conference;
  }

  async #prepare(party: number, endpoint: EndpointHandle, port: number): Promise<void> {
    const codec = codecOf(party);
    const { payloadType } = codec;
    const clockRateHz = codec.frameClock * (1_000 / FRAME_MS);
    const updated = await this.engine.order({
      kind: 'updateEndpoint',
      endpoint,
      remoteRtp: { host: MEDIA_ADDRESS, port },
      remoteRtcp: null,
      rtcpMux: true,
      sourceRule: 'strict',
      inactivityMs: 0,
      clockRates: [[payloadType, clockRateHz]],
    });
    assert.is(updated.code, 'OK');
    const set = await this.engine.order({
      kind: 'setAudio',
      endpoint,
      receive: [{ payloadType, kind: codec.name, rateKhz: codec.sampleRateHz / 1_000 }],
      send: sendingOf(codec),
      bufferSize: 'large',
      detectTones: false,
      muteDigits: false,
    });
    assert.is(set.code, 'OK');
  }
}

/** What an ear heard as one piece of audio, and when its first sample would have come without any delay. */
interface Listened {
  readonly samples: Int16Array;
  readonly beganMs: number;
}

/** Packets in their places; gaps stay gaps. */
function payloadsOf(ear: Ear, { frameClock }: VoiceCodec): (Buffer | null)[] {
  const first = ear.heard[0];
  if (first === undefined) return [];
  const payloads: (Buffer | null)[] = [];
  for (const { timestamp, payload } of ear.heard) {
    const index = Math.round(((timestamp - first.timestamp) | 0) / frameClock);
    while (payloads.length <= index) payloads.push(null);
    payloads[index] = payload;
  }
  return payloads;
}

function beginningOf(ear: Ear, { frameClock }: VoiceCodec): number {
  const first = ear.heard[0];
  if (first === undefined) return 0;
  return ear.heard.reduce((least, { atMs, timestamp }) => {
    const mediaMs = (((timestamp - first.timestamp) | 0) / frameClock) * FRAME_MS;
    return Math.min(least, atMs - mediaMs);
  }, Number.POSITIVE_INFINITY);
}

function listenAll(ears: readonly Ear[]): Listened[] {
  const all: Listened[] = [];
  for (const codec of CODECS) {
    const parties = [...ears.keys()].filter((party) => codecOf(party) === codec);
    const streams = parties.map((party) => {
      const ear = ears[party];
      return ear === undefined ? [] : payloadsOf(ear, codec);
    });
    const decoded = codec.decode(streams.flat());
    const frameSamples = (codec.sampleRateHz * FRAME_MS) / 1_000;
    let at = 0;
    parties.forEach((party, index) => {
      const count = (streams[index]?.length ?? 0) * frameSamples;
      const ear = ears[party];
      const beganMs = ear === undefined ? 0 : beginningOf(ear, codec);
      all[party] = { samples: decoded.subarray(at, at + count), beganMs };
      at += count;
    });
  }
  return all;
}

const BLOCK_MS = 10;
const SOUND_DBOV = -45;
/** How much later than it was sent a burst may be heard: buffers, frames, and a busy machine. */
const DELAY_MS_MAX = 280;

const dbovOf = (peak: number): number =>
  20 * Math.log10(Math.max(peak, 0.01) / 32_768 / Math.SQRT2);

/** The longest piece of sound that begins where a burst should; null when there is none. */
function soundOf(
  listened: Listened,
  rateHz: number,
  { fromMs, lastsMs }: { readonly fromMs: number; readonly lastsMs: number },
): Int16Array | null {
  const block = (rateHz * BLOCK_MS) / 1_000;
  const from = Math.floor((fromMs - listened.beganMs) / BLOCK_MS);
  const to = from + Math.ceil((lastsMs + DELAY_MS_MAX) / BLOCK_MS);
  let best: readonly [number, number] = [0, 0];
  let began: number | null = null;
  for (let index = from; index <= to; index += 1) {
    const piece = listened.samples.subarray(index * block, (index + 1) * block);
    const square = piece.reduce((sum, sample) => sum + sample * sample, 0);
    const sounds = piece.length > 0 && dbovOf(Math.sqrt((2 * square) / piece.length)) > SOUND_DBOV;
    if (sounds && index < to) {
      began ??= index;
    } else if (began !== null) {
      if (index - began > best[1] - best[0]) best = [began, index];
      began = null;
    }
  }
  const [first, last] = best;
  // Without its edges.
  const edge = 4;
  if (last - first < 2 * edge + 10) return null;
  return listened.samples.subarray((first + edge) * block, (last - edge) * block);
}

/** Level of a tone under a window, so that tones 29 Hz apart are told from each other. */
function levelsOf(samples: Int16Array, rateHz: number): number[] {
  const windowed = Float64Array.from(
    samples,
    (sample, index) => sample * (1 - Math.cos((2 * Math.PI * (index + 0.5)) / samples.length)),
  );
  return Array.from({ length: PARTIES }, (_, party) =>
    dbovOf(
      amplitudeAt(
        { sampleRateHz: rateHz, samples: windowed as unknown as Int16Array },
        toneOf(party),
      ),
    ),
  );
}

const PIECE_MS = 300;
/** Of the bursts of a round. Where the machine leaves less alone, the test says so instead of passing. */
const CALM_SHARE_MIN = 0.25;

/** What an ear heard in one round of a burst. */
interface Round {
  /** The level of each party in each piece. */
  readonly levels: readonly (readonly number[])[];
  /** Whether a party's voice was played as it was said. */
  readonly isCalm: (party: number) => boolean;
}

function roundsOf(ear: number, burst: Burst, listened: Listened, hall: Hall): Round[] {
  const { sampleRateHz } = codecOf(ear);
  return burst.atMs.map((atMs) => {
    const when = { fromMs: hall.beganMs + atMs, lastsMs: burst.lastsMs };
    const sound = soundOf(listened, sampleRateHz, when);
    const pieces = sound === null ? [] : piecesOf(sound, (PIECE_MS * sampleRateHz) / 1_000);
    const span = { fromMs: atMs, toMs: atMs + burst.lastsMs + DELAY_MS_MAX };
    return {
      levels: pieces.map((piece) => levelsOf(piece, sampleRateHz)),
      isCalm: (party: number) => hall.books.isCalm(party, span),
    };
  });
}

/**
 * Whom an ear hears wrongly in a burst: whoever isn't heard rightly in every piece of a round in which the engine counted nothing
 * late, made up or stretched of those who sounded, and in some piece of all.
 */
function deviations(ear: number, burst: Burst, listened: Listened, hall: Hall): string[] {
  const { name } = codecOf(ear);
  const sounding = PARTY_NUMBERS.filter((party) => burst.sounds(party));
  const rounds = roundsOf(ear, burst, listened, hall);
  const calm = rounds.filter(({ isCalm }) => sounding.every(isCalm));
  const what = `ear ${ear} (${name}), ${burst.what}`;
  const silent = calm.some(({ levels }) => levels.length === 0);
  if (silent || rounds.every(({ levels }) => levels.length === 0)) return [`${what}: no sound`];
  return PARTY_NUMBERS.flatMap((source) => {
    const expected = burst.sounds(source) && source !== ear && burst.hears(ear, source);
    const slackDb = name === 'opus' || codecOf(source).name === 'opus' ? 3 : 1.5;
    const isRight = (levels: readonly number[]): boolean => {
      const level = levels[source] ?? 0;
      return expected ? Math.abs(level - burst.dbov) < slackDb : level < burst.dbov - 15;
    };
    const right =
      calm.every(({ levels }) => levels.every(isRight)) &&
      rounds.some(({ levels }) => levels.some(isRight));
    const said = rounds.map(({ levels, isCalm }) =>
      [
        ...levels.map((each) => (each[source] ?? 0).toFixed(1)),
        isCalm(source) ? 'calm' : 'late',
      ].join(' '),
    );
    return right ? [] : [`${what}: party ${source} at ${said.join(', ')}`];
  });
}

/** In one round, the share of the bursts in which nobody who sounded was late. */
function calmShare(hall: Hall, round: number): number {
  const calm = BURSTS.filter(({ atMs, lastsMs, sounds }) => {
    const fromMs = atMs[round] ?? 0;
    const span = { fromMs, toMs: fromMs + lastsMs + DELAY_MS_MAX };
    return PARTY_NUMBERS.every((party) => !sounds(party) || hall.books.isCalm(party, span));
  });
  return calm.length / BURSTS.length;
}

function piecesOf(sound: Int16Array, length: number): Int16Array[] {
  const count = Math.max(1, Math.floor(sound.length / length));
  return Array.from({ length: count }, (_, index) =>
    sound.subarray(index * length, (index + 1) * length),
  );
}

test('A26 a hundred over RTP: every ear hears exactly the group that sounds less itself, then all at once', async () => {
  const streams = encodeAll();
  const place = new MediaPlace();
  const started = startHost(place.config({ threads: 2, endpointsMax: 256 }));
  if (!started.ok) throw new Error(started.error.message);
  const hall = new Hall(place);
  try {
    await hall.fill();
    await hall.talk(streams);
    const listened = listenAll(hall.ears);
    const wrong: string[] = [];
    for (const [ear, sound] of listened.entries()) {
      for (const burst of BURSTS)
        if (burst.ears(ear)) wrong.push(...deviations(ear, burst, sound, hall));
    }
    assert.equal(wrong, []);
    // Or too little of it was judged strictly to say so.
    for (let round = 0; round < ROUNDS; round += 1) {
      const share = calmShare(hall, round);
      assert.ok(
        share >= CALM_SHARE_MIN,
        `of round ${round} only ${share} was played as it was said`,
      );
    }
    assert.ok(hall.ears.every(({ ssrcs }) => ssrcs.size === 1));
    assert.is(hall.engine.client.nodeCounters().participants, PARTIES);
  } finally {
    hall.close();
    await hall.engine.client.close();
    await started.value.close();
    place.remove();
  }
});

test.run();
