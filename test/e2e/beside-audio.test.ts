// runs: alone
// Comfort noise and redundant audio as packets, through the whole product: read, made, and passed on as they are.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cdr } from '../support/engine.ts';
import { ADDRESSES, until } from '../support/loopback.ts';
import { CALLER_TRUNK, calleeTrunk } from '../support/parties.ts';
import type { House } from './server-harness.ts';
import { withHouse } from './server-harness.ts';
import type { Dialog, Phone } from './server-phone.ts';

const FRAME_MS = 20;
const FRAME_BYTES = 160;
const PCMU = 0;
const NOISE = 13;
const RED = 121;
const RED_LINES = ['a=rtpmap:0 PCMU/8000', 'a=rtpmap:121 red/8000', 'a=fmtp:121 0/0'];

/** µ-law of a sine of 500 Hz, 16 samples a turn, some 10 dB below full scale. */
const SOUND = Buffer.from([
  0xff, 0xa3, 0x98, 0x93, 0x91, 0x93, 0x98, 0xa3, 0xff, 0x23, 0x18, 0x13, 0x11, 0x13, 0x18, 0x23,
]);
const TONE = Buffer.alloc(FRAME_BYTES, SOUND);
/** A faint hiss: the two smallest values of either sign. */
const HISS = Buffer.from(
  Array.from({ length: FRAME_BYTES }, (_, at) => ((at * 7919) % 5 < 2 ? 0xfe : 0x7d)),
);

function packet(type: number, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(sequence, 2);
  header.writeUInt32BE(sequence * FRAME_BYTES, 4);
  header.writeUInt32BE(77, 8);
  return Buffer.concat([header, payload]);
}

/** RFC 2198: the frame before, 160 steps back, then this one. */
function redundantPacket(sequence: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE((((0x80 | PCMU) << 24) | (FRAME_BYTES << 10) | FRAME_BYTES) >>> 0, 0);
  head.writeUInt8(PCMU, 4);
  return packet(RED, sequence, Buffer.concat([head, TONE, TONE]));
}

const typeOf = (bytes: Buffer): number => bytes.readUInt8(1) & 0x7f;

interface Talk {
  readonly house: House;
  readonly caller: Phone;
  readonly callee: Phone;
  readonly dialog: Dialog;
}

async function talk(
  house: House,
  lists: { readonly caller: readonly string[]; readonly callee: readonly string[] },
  more: object,
): Promise<Talk> {
  const caller = await house.phone();
  const callee = await house.phone(ADDRESSES.callee);
  for (const [phone, lines] of [
    [caller, lists.caller],
    [callee, lists.callee],
  ] as const) {
    const numbers = lines.flatMap((line) => /^a=rtpmap:(\d+)/.exec(line)?.[1] ?? []);
    phone.formats = numbers.join(' ');
    phone.attributes = lines;
  }
  const on = { comfort_noise: 'on', redundancy: 'on' };
  const uri = `sip:${callee.place.host}:${callee.place.port}`;
  const engine = await house.start({
    trunks: [{ ...CALLER_TRUNK, ...on }, calleeTrunk('callees', [uri], { ...on, ...more })],
    routes: [{ prefix: '44', trunks: ['callees'] }],
  });
  const dialog = await caller.call('447', engine.sip);
  return { house, caller, callee, dialog };
}

/** One packet every 20 ms; null leaves one out. */
async function send(
  { caller, dialog }: Talk,
  count: number,
  make: (sequence: number) => Buffer | null,
): Promise<void> {
  const began = performance.now();
  let sent = 0;
  await until(
    () => {
      const due = Math.min(count, Math.floor((performance.now() - began) / FRAME_MS));
      for (; sent < due; sent += 1) {
        const bytes = make(sent + 1);
        if (bytes !== null) void caller.audio.send(bytes, dialog.media);
      }
      return sent === count;
    },
    { what: `${count} packets`, limitMs: 3 * count * FRAME_MS, everyMs: 5 },
  );
}

async function callerRecord({ house, caller, dialog }: Talk): Promise<Cdr> {
  await caller.inDialog('BYE', dialog, house.engine.sip);
  const cdrs = await house.engine.cdrsWhenThere(2);
  const found = cdrs.find(({ direction }) => direction === 'inbound');
  if (found === undefined) throw new Error('no record of the caller');
  return found;
}

test('redundant audio mends single losses: every fifth packet is lost and next to nothing concealed', () =>
  withHouse(async (house) => {
    const lists = { caller: RED_LINES, callee: ['a=rtpmap:0 PCMU/8000'] };
    const call = await talk(house, lists, { transcode: 'always', redundancy: 'off' });
    await send(call, 250, (sequence) => (sequence % 5 === 0 ? null : redundantPacket(sequence)));
    const types = new Set(call.callee.audio.received.map(typeOf));
    assert.equal([...types], [PCMU], 'a trunk without it is sent none');
    const { packets_lost: lost, concealed_ms: concealedMs } = await callerRecord(call);
    assert.ok((lost ?? 0) >= 48, `${lost ?? 'no'} lost`);
    // Of 50 lost frames; a busy machine may make a few others late.
    assert.ok((concealedMs ?? 1_000) <= 200, `${concealedMs ?? 'no'} ms concealed`);
  }));

test('audio that we encode comes twice to who has redundancy', () =>
  withHouse(async (house) => {
    const lists = { caller: ['a=rtpmap:0 PCMU/8000'], callee: RED_LINES };
    const call = await talk(house, lists, { transcode: 'always' });
    await send(call, 100, (sequence) => packet(PCMU, sequence, TONE));
    const heard = call.callee.audio.received.filter((bytes) => typeOf(bytes) === RED);
    assert.ok(heard.length > 50, `${heard.length} packets of redundancy`);
    const twice = heard.filter((bytes) => bytes.length === 12 + 5 + 2 * FRAME_BYTES);
    assert.ok(twice.length >= heard.length - 3);
    for (const [index, bytes] of twice.entries()) {
      const before = twice[index - 1];
      if (before === undefined || bytes.readUInt16BE(2) !== before.readUInt16BE(2) + 1) continue;
      const earlier = bytes.subarray(17, 17 + FRAME_BYTES);
      assert.ok(earlier.equals(before.subarray(17 + FRAME_BYTES)), 'the frame before, once more');
    }
  }));

test('a pause that we encode is described by comfort noise, and speech is not', () =>
  withHouse(async (house) => {
    const noisy = ['a=rtpmap:0 PCMU/8000', 'a=rtpmap:13 CN/8000'];
    const lists = { caller: ['a=rtpmap:0 PCMU/8000'], callee: noisy };
    const call = await talk(house, lists, { transcode: 'always' });
    await send(call, 50, (sequence) => packet(PCMU, sequence, TONE));
    const speech = call.callee.audio.received.length;
    // Before the first packet came, and was let through the jitter buffer, there was a pause as well.
    const latest = call.callee.audio.received.slice(-25);
    assert.ok(latest.every((bytes) => typeOf(bytes) === PCMU));
    await send(call, 200, (sequence) => packet(PCMU, 50 + sequence, HISS));
    const pause = call.callee.audio.received.slice(speech);
    const noise = pause.filter((bytes) => typeOf(bytes) === NOISE);
    assert.ok(noise.length >= 1, 'noise is described');
    assert.ok(pause.length < 120, `${pause.length} packets for 4 s of pause`);
    for (const bytes of noise) assert.ok(bytes.length > 12 && bytes.length <= 12 + 11);
  }));

test('redundant audio and noise of both sides go through as they are', () =>
  withHouse(async (house) => {
    const both = [...RED_LINES, 'a=rtpmap:13 CN/8000'];
    const call = await talk(house, { caller: both, callee: both }, {});
    const sent = [redundantPacket(1), redundantPacket(2), packet(NOISE, 3, Buffer.from([60, 128]))];
    await send(call, sent.length, (sequence) => sent[sequence - 1] ?? null);
    const { received } = call.callee.audio;
    await until(() => received.length === sent.length, { what: 'all packets', limitMs: 5_000 });
    for (const [index, bytes] of received.entries()) {
      assert.is(typeOf(bytes), typeOf(sent[index] ?? Buffer.alloc(2)));
      assert.ok(bytes.subarray(12).equals(sent[index]?.subarray(12) ?? Buffer.alloc(0)));
    }
    assert.is((await callerRecord(call)).transcoded, 0);
  }));

test.run();
