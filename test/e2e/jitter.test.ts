// runs: alone
// A network with jitter, through the whole product: what a trunk's `jitter_buffer` makes of it stands in the call records.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../src/base/index.ts';
import type { Cdr } from '../support/engine.ts';
import { ADDRESSES, until } from '../support/loopback.ts';
import { CALLER_TRUNK, calleeTrunk } from '../support/parties.ts';
import type { House } from './server-harness.ts';
import { withHouse } from './server-harness.ts';
import type { Dialog, Phone, Place } from './server-phone.ts';
import { rtpPacket, ssrcOf } from './server-phone.ts';

const SIZES = ['off', 'small', 'medium', 'large'] as const;
type Size = (typeof SIZES)[number];

const FRAME_MS = 20;
/** A run in which the sender itself was late, on a busy machine, says nothing; a later one counts in its place. */
const RUNS_MAX = 4;
/** What the network of these tests delays is more than this, and what a healthy machine does to the sender is less. */
const SENDER_LATE_MS_MAX = 15;

interface JitterCalls {
  readonly house: House;
  readonly caller: Phone;
  readonly callee: Phone;
  readonly dialogs: readonly Dialog[];
  /** Where the engine takes the callee's audio of each call. */
  readonly media: readonly Place[];
}

/** One call by each size; their audio is decoded. */
async function callsWith(house: House, sizes: readonly Size[]): Promise<JitterCalls> {
  const caller = await house.phone();
  const callee = await house.phone(ADDRESSES.callee);
  const uri = `sip:${callee.place.host}:${callee.place.port}`;
  const engine = await house.start({
    trunks: [
      CALLER_TRUNK,
      ...sizes.map((size) =>
        calleeTrunk(size, [uri], { transcode: 'always', jitter_buffer: size }),
      ),
    ],
    routes: sizes.map((size, index) => ({ prefix: `44${index}`, trunks: [size] })),
  });
  const dialogs: Dialog[] = [];
  const media: Place[] = [];
  for (let index = 0; index < sizes.length; index += 1) {
    dialogs.push(await caller.call(`44${index}7`, engine.sip));
    if (callee.answered === null) throw new Error('nobody was called');
    media.push(callee.answered.media);
  }
  return { house, caller, callee, dialogs, media };
}

/**
 * Calls `frame` every 20 ms; what was missed is made up for.
 * @param frame takes the number, from 1.
 * @returns by how much the latest of them was late, milliseconds.
 */
async function inRealTime(frames: number, frame: (count: number) => void): Promise<number> {
  const began = performance.now();
  let count = 0;
  let lateMs = 0;
  await until(
    () => {
      const passedMs = performance.now() - began;
      const due = Math.min(frames, Math.floor(passedMs / FRAME_MS));
      if (count < due) lateMs = Math.max(lateMs, passedMs - (count + 1) * FRAME_MS);
      for (; count < due; count += 1) frame(count + 1);
      return count === frames;
    },
    { what: `${frames} frames`, limitMs: 2 * frames * FRAME_MS, everyMs: 5 },
  );
  return lateMs;
}

/** Hangs up and gives the callee's record of each call. */
async function recordsOf({ house, caller, dialogs }: JitterCalls): Promise<readonly Cdr[]> {
  for (const dialog of dialogs) await caller.inDialog('BYE', dialog, house.engine.sip);
  const cdrs = await house.engine.cdrsWhenThere(2 * dialogs.length);
  return cdrs.filter(({ direction }) => direction === 'outbound');
}

interface Run {
  /** What is wrong; null when nothing is. */
  readonly problem: string | null;
  readonly senderLateMs: number;
}

/** Runs again while what is wrong may be the sender's doing; a run in which it was on time is the last one. */
async function inATimelyRun(run: (house: House) => Promise<Run>): Promise<void> {
  const problems: string[] = [];
  for (let runs = 0; runs < RUNS_MAX; runs += 1) {
    let done: Run | null = null;
    await withHouse(async (house) => {
      done = await run(house);
    });
    const { problem, senderLateMs } = given(done);
    if (problem === null) return;
    problems.push(`${problem}, sender late by ${Math.round(senderLateMs)} ms`);
    if (senderLateMs <= SENDER_LATE_MS_MAX) break;
  }
  assert.unreachable(problems.join('; '));
}

function given(run: Run | null): Run {
  if (run === null) throw new Error('the run did not end');
  return run;
}

test('A22 a trunk’s jitter_buffer decides the delay that is measured and how much is concealed', () =>
  inATimelyRun(async (house) => {
    const calls = await callsWith(house, SIZES);
    // The network stands still for 400 ms, so that every size waits as long as it may, and for 140 ms, which hurts the shorter ones
    // alone; in turn, once a second. What a machine does to the sender is less than what lies between the sizes.
    let held: Buffer[] = [];
    const senderLateMs = await inRealTime(400, (frame) => {
      held.push(rtpPacket(1, frame));
      const place = frame % 100;
      if ((place >= 30 && place < 50) || (place >= 70 && place < 77)) return;
      for (const packet of held)
        for (const place of calls.media) void calls.callee.audio.send(packet, place);
      held = [];
    });
    const cdrs = await recordsOf(calls);
    const of = (size: Size): Cdr => {
      const found = cdrs.find(({ trunk }) => trunk === size);
      if (found === undefined) throw new Error(`no record of ${size}`);
      return found;
    };
    const delays = SIZES.map((size) => of(size).playout_delay_ms ?? 0);
    const concealed = SIZES.map((size) => of(size).concealed_ms ?? 0);
    const rises = delays.every((delay, index) => delay > (delays[index - 1] ?? -1));
    const falls = concealed.every((ms, index) => ms <= (concealed[index - 1] ?? Infinity));
    const helps = (concealed[0] ?? 0) > (concealed[3] ?? 0);
    const isGood = rises && falls && helps;
    const problem = isGood ? null : `delays ${delays.join(' ')}, concealed ${concealed.join(' ')}`;
    return { problem, senderLateMs };
  }));

test('A23 jitter, disorder and loss: the far party gets one gapless stream, the record what it took', () =>
  inATimelyRun(async (house) => {
    const calls = await callsWith(house, ['small']);
    const [place] = calls.media;
    if (place === undefined) throw new Error('no call');
    const random = seededRandom(23);
    const waiting: { readonly packet: Buffer; readonly at: number }[] = [];
    let lost = 0;
    const senderLateMs = await inRealTime(400, (frame) => {
      // 2 % lost, 5 % a frame later than their successor, one in fifty past all that is waited for, the rest within 30 ms.
      const draw = random.draw();
      const lateMs = frame % 50 === 0 ? 400 : draw < 0.07 ? 45 : random.draw() * 30;
      if (draw < 0.02) lost += 1;
      else waiting.push({ packet: rtpPacket(1, frame), at: frame * FRAME_MS + lateMs });
      const due = waiting
        .filter(({ at }) => at <= frame * FRAME_MS)
        .toSorted((one, other) => one.at - other.at);
      for (const parcel of due) {
        waiting.splice(waiting.indexOf(parcel), 1);
        void calls.callee.audio.send(parcel.packet, place);
      }
    });
    const [cdr] = await recordsOf(calls);
    if (cdr === undefined) throw new Error('no record');
    const heard = calls.caller.audio.received;
    assert.is(new Set(heard.map(ssrcOf)).size, 1);
    const sequences = heard.map((packet) => packet.readUInt16BE(2));
    const steps = sequences
      .slice(1)
      .map((next, index) => (next - (sequences[index] ?? 0)) & 0xffff);
    assert.ok(steps.every((step) => step === 1));
    assert.ok(heard.length > 350, `${heard.length} packets heard`);
    assert.ok(lost > 0 && (cdr.packets_lost ?? 0) >= lost);
    assert.ok((cdr.concealed_ms ?? 0) >= lost * FRAME_MS);
    const { playout_delay_ms: delayMs, packets_late: late } = cdr;
    const fits = delayMs !== null && delayMs > 10 && delayMs < 150 && (late ?? 0) >= 4;
    const problem = fits ? null : `delay ${delayMs ?? 'none'}, late ${late ?? 'none'}`;
    return { problem, senderLateMs };
  }));

test.run();
