// Orders about clips and what is played, byte for byte; what no record can hold is made something the engine refuses.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clipHandle, conferenceHandle, endpointHandle, orderId } from '../../../src/base/index.ts';
import {
  EVENT,
  EVENT_HEADER,
  EVENT_RECORD_BYTES,
  ORDER,
  ORDER_HEADER,
} from '../../../src/engine/contract.gen.ts';
import { decodeEvents } from '../../../src/engine/events.ts';
import type { EngineEvent, EngineOrder } from '../../../src/engine/index.ts';
import { recordOf } from '../../support/order-record.ts';

type OrderOf<Kind extends EngineOrder['kind']> = Extract<EngineOrder, { readonly kind: Kind }>;

const HANDLE = endpointHandle(0xfedc_ba98);
const CLIP = clipHandle(0x8000_1001);
const CONFERENCE = conferenceHandle(0x8000_4001);
const MANNER = { endpoint: HANDLE, replaces: false, endsOnDigit: false, endsOnVoice: false };

const play = (fields: Partial<OrderOf<'play'>>): OrderOf<'play'> => ({
  kind: 'play',
  order: orderId(7),
  ...MANNER,
  clip: CLIP,
  startMs: 0,
  times: 1,
  ...fields,
});

const tone = (fields: Partial<OrderOf<'playTone'>['tone']>): OrderOf<'playTone'> => ({
  kind: 'playTone',
  order: orderId(7),
  ...MANNER,
  tone: { sines: [{ hz: 440, belowFullDb: 20 }], cadence: [], repeats: false, ...fields },
  durationMs: 1_500,
});

const nameOf = (view: DataView): string => {
  const bytes = new Uint8Array(view.buffer, ORDER.loadClip.name, 160);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
};

test('a clip’s name goes as UTF-8, and one that no record holds goes as none', () => {
  const load = (name: string): string =>
    nameOf(recordOf({ kind: 'loadClip', order: orderId(1), name }));
  assert.is(load('grüße.clip'), 'grüße.clip');
  assert.is(load('x'.repeat(160)), 'x'.repeat(160));
  assert.is(load('x'.repeat(161)), '');
  assert.is(load('ü'.repeat(81)), '');
  assert.is(load('a\0b'), '');
});

test('a play has clip, beginning, times and manner', () => {
  const fields = ORDER.play;
  const view = recordOf(
    play({ startMs: 250, times: 65_535, replaces: true, endsOnDigit: true, endsOnVoice: true }),
  );
  assert.is(view.getUint16(ORDER_HEADER.kind, true), 15);
  assert.is(view.getUint32(ORDER_HEADER.endpoint, true), HANDLE);
  assert.is(view.getUint32(fields.clip, true), CLIP);
  assert.is(view.getUint32(fields.startMs, true), 250);
  assert.is(view.getUint16(fields.times, true), 65_535);
  assert.is(view.getUint8(fields.target), 0);
  assert.is(view.getUint8(fields.replaces), 1);
  assert.is(view.getUint8(fields.endsOnDigit), 1);
  assert.is(view.getUint8(fields.endsOnVoice), 1);
});

test('numbers that no play has become a target or a beginning that there isn’t', () => {
  for (const times of [-1, 1.5, 65_536, Number.NaN])
    assert.is(recordOf(play({ times })).getUint8(ORDER.play.target), 255);
  for (const startMs of [-1, 0.5, 2 ** 32])
    assert.is(recordOf(play({ startMs })).getUint32(ORDER.play.startMs, true), 0xffff_ffff);
});

test('a tone has its sines, its cadence and its duration', () => {
  const fields = ORDER.playTone;
  const view = recordOf(
    tone({
      sines: [
        { hz: 440, belowFullDb: 16 },
        { hz: 480, belowFullDb: 19 },
      ],
      cadence: [
        { onMs: 2_000, offMs: 4_000 },
        { onMs: 100, offMs: 50 },
      ],
      repeats: true,
    }),
  );
  const shorts = (at: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => view.getUint16(at + 2 * index, true));
  assert.equal(shorts(fields.frequenciesHz, 2), [440, 480]);
  assert.equal(shorts(fields.cadenceMs, 6), [2_000, 4_000, 100, 50, 0, 0]);
  assert.equal(
    [view.getUint8(fields.levelsBelowFull), view.getUint8(fields.levelsBelowFull + 1)],
    [16, 19],
  );
  assert.is(view.getUint8(fields.repeats), 1);
  assert.is(view.getUint32(fields.durationMs, true), 1_500);
});

test('a tone with too much in it, or a number out of range, has a frequency that there isn’t', () => {
  const sine = { hz: 440, belowFullDb: 20 };
  const step = { onMs: 100, offMs: 100 };
  for (const fields of [
    { sines: [sine, sine, sine] },
    { cadence: [step, step, step, step] },
    { sines: [{ hz: -1, belowFullDb: 20 }] },
    { sines: [{ hz: 440, belowFullDb: 255 }] },
    { cadence: [{ onMs: 65_536, offMs: 0 }] },
  ])
    assert.is(recordOf(tone(fields)).getUint16(ORDER.playTone.frequenciesHz, true), 0xffff);
});

test('stopping, unloading and listening for speech name what they are about', () => {
  const stop = recordOf({ kind: 'stopPlay', order: orderId(1), endpoint: HANDLE });
  assert.is(stop.getUint32(ORDER_HEADER.endpoint, true), HANDLE);
  const unload = recordOf({ kind: 'unloadClip', order: orderId(1), clip: CLIP });
  assert.is(unload.getUint32(ORDER.unloadClip.clip, true), CLIP);
  const detect = (timer: OrderOf<'detectSpeech'>['timer']): DataView =>
    recordOf({ kind: 'detectSpeech', order: orderId(1), endpoint: HANDLE, timer });
  const on = detect({ noSpeechMs: 5_000, endSilenceMs: 0 });
  assert.is(on.getUint8(ORDER.detectSpeech.on), 1);
  assert.is(on.getUint32(ORDER.detectSpeech.noSpeechMs, true), 5_000);
  assert.is(on.getUint32(ORDER.detectSpeech.endSilenceMs, true), 0);
  assert.is(detect(null).getUint8(ORDER.detectSpeech.on), 0);
});

test('a recording has its name, its form and its ends; pausing and stopping name it', () => {
  const fields = ORDER.startRecording;
  const start = recordOf({
    kind: 'startRecording',
    order: orderId(5),
    endpoint: HANDLE,
    name: 'call.wav',
    container: 'segments',
    sound: 'dual',
    rateKhz: 16,
    maximumMs: 3_600_000,
    endSilenceMs: 5_000,
    trimsSilence: true,
  });
  assert.is(start.getUint32(ORDER_HEADER.endpoint, true), HANDLE);
  assert.is(start.getUint32(fields.maximumMs, true), 3_600_000);
  assert.is(start.getUint32(fields.endSilenceMs, true), 5_000);
  assert.equal(
    [fields.container, fields.sound, fields.rateKhz, fields.target, fields.trims].map((at) =>
      start.getUint8(at),
    ),
    [2, 2, 16, 0, 1],
  );
  assert.is(start.getUint8(fields.name), 'c'.charCodeAt(0));
  const pause = recordOf({
    kind: 'pauseRecording',
    order: orderId(6),
    endpoint: HANDLE,
    recording: orderId(5),
    paused: true,
    silenceInstead: true,
  });
  const paused = ORDER.pauseRecording;
  assert.is(pause.getUint32(paused.recording, true), 5);
  assert.equal(
    [paused.paused, paused.silenceInstead].map((at) => pause.getUint8(at)),
    [1, 1],
  );
  const stop = recordOf({
    kind: 'stopRecording',
    order: orderId(7),
    endpoint: HANDLE,
    recording: orderId(5),
  });
  assert.is(stop.getUint32(ORDER.stopRecording.recording, true), 5);
});

test('a conference is named as such wherever something is played or recorded', () => {
  const order = orderId(9);
  const conference = CONFERENCE;
  const recording = orderId(5);
  const manner = { replaces: false, endsOnDigit: false, endsOnVoice: false };
  const sound = { sines: [{ hz: 440, belowFullDb: 20 }], cadence: [], repeats: false };
  const records: readonly (readonly [DataView, number])[] = [
    [
      recordOf({ kind: 'play', order, conference, ...manner, clip: CLIP, startMs: 0, times: 1 }),
      ORDER.play.target,
    ],
    [
      recordOf({ kind: 'playTone', order, conference, ...manner, tone: sound, durationMs: 0 }),
      ORDER.playTone.target,
    ],
    [recordOf({ kind: 'stopPlay', order, conference }), ORDER.stopPlay.target],
    [
      recordOf({
        kind: 'startRecording',
        order,
        conference,
        name: 'room.wav',
        container: 'wavPcma',
        sound: 'mixed',
        rateKhz: 8,
        maximumMs: 0,
        endSilenceMs: 0,
        trimsSilence: false,
      }),
      ORDER.startRecording.target,
    ],
    [
      recordOf({
        kind: 'pauseRecording',
        order,
        conference,
        recording,
        paused: true,
        silenceInstead: false,
      }),
      ORDER.pauseRecording.target,
    ],
    [recordOf({ kind: 'stopRecording', order, conference, recording }), ORDER.stopRecording.target],
  ];
  for (const [record, targetAt] of records) {
    assert.is(record.getUint32(ORDER_HEADER.endpoint, true), conference);
    assert.is(record.getUint8(targetAt), 1);
  }
});

test('the end of a recording comes with its length, its bytes and what it lost', () => {
  const fields = EVENT.recordingEnded;
  assert.equal(
    decode(fields.kind, (view) => {
      view.setUint32(fields.recording, 5, true);
      view.setUint32(fields.durationMs, 90_000, true);
      view.setFloat64(fields.bytes, 2 ** 33, true);
      view.setUint32(fields.lostMs, 20, true);
      view.setUint32(fields.trimmedMs, 1_500, true);
      view.setUint8(fields.end, 4);
    }),
    {
      kind: 'recordingEnded',
      endpoint: HANDLE,
      recording: 5,
      durationMs: 90_000,
      bytes: 2 ** 33,
      lostMs: 20,
      trimmedMs: 1_500,
      end: 'diskFull',
    },
  );
});

test('what ends in a conference names the conference, and nothing is neither', () => {
  for (const { kind, target } of [EVENT.playEnded, EVENT.recordingEnded]) {
    const ended = decode(kind, (view) => view.setUint8(target, 1));
    assert.ok(ended !== undefined && 'conference' in ended);
    assert.is(ended.conference, HANDLE);
    assert.not('endpoint' in ended);
    assert.throws(() => decode(kind, (view) => view.setUint8(target, 2)));
  }
});

function decode(kind: number, fill: (view: DataView) => void): EngineEvent | undefined {
  const view = new DataView(new ArrayBuffer(EVENT_RECORD_BYTES));
  view.setUint16(EVENT_HEADER.kind, kind, true);
  view.setUint32(EVENT_HEADER.order, 9, true);
  view.setUint32(EVENT_HEADER.endpoint, HANDLE, true);
  fill(view);
  const events: EngineEvent[] = [];
  decodeEvents(view, view.byteLength, events);
  return events[0];
}

test('clips loaded, plays ended and speech come as they were written', () => {
  assert.equal(
    decode(EVENT.clipLoaded.kind, (view) => {
      view.setUint32(EVENT.clipLoaded.clip, CLIP, true);
      view.setUint32(EVENT.clipLoaded.durationMs, 1_240, true);
    }),
    { kind: 'clipLoaded', order: 9, code: 'OK', clip: CLIP, durationMs: 1_240 },
  );
  assert.equal(
    decode(EVENT.playEnded.kind, (view) => {
      view.setUint32(EVENT.playEnded.play, 4, true);
      view.setUint32(EVENT.playEnded.playedMs, 65, true);
      view.setUint8(EVENT.playEnded.end, 2);
    }),
    { kind: 'playEnded', endpoint: HANDLE, play: 4, playedMs: 65, end: 'digit' },
  );
  assert.equal(
    decode(EVENT.speech.kind, (view) => view.setUint8(EVENT.speech.speech, 2)),
    { kind: 'speech', endpoint: HANDLE, speech: 'ended' },
  );
  assert.throws(() => decode(EVENT.speech.kind, (view) => view.setUint8(EVENT.speech.speech, 3)));
});

test.run();
