// Orders about clips, what is played and what is recorded, into records. What no record can hold is written so that the
// engine refuses it.
import { neverReached } from '../base/index.ts';
import {
  ORDER,
  ORDER_HEADER,
  RECORDING_CONTAINERS,
  RECORDING_SOUNDS,
  SOUND_TARGETS,
} from './contract.gen.ts';
import { byteOf, isShort, UNREADABLE, wordOf } from './field-values.ts';
import type { EngineOrder, PlayManner, SoundPlace, ToneSound } from './types.ts';

export type SoundOrder = Extract<
  EngineOrder,
  {
    readonly kind:
      | 'loadClip'
      | 'unloadClip'
      | 'play'
      | 'playTone'
      | 'stopPlay'
      | 'startRecording'
      | 'pauseRecording'
      | 'stopRecording'
      | 'detectSpeech';
  }
>;

const NAME_BYTES_MAX = 160;
const SINES_MAX = 2;
const STEPS_MAX = 3;
/** More than any tone has. */
const HZ_UNREADABLE = 0xffff;

const utf8 = new TextEncoder();

/**
 * Writes the fields of one order behind its header.
 * @param view over records that are zero so far.
 * @param at   where this order’s begins.
 */
export function writeSoundOrder(view: DataView, at: number, order: SoundOrder): void {
  switch (order.kind) {
    case 'loadClip':
      writeName(view, at + ORDER.loadClip.name, order.name);
      return;
    case 'unloadClip':
      view.setUint32(at + ORDER.unloadClip.clip, order.clip, true);
      return;
    case 'play':
      view.setUint32(at + ORDER.play.clip, order.clip, true);
      view.setUint32(at + ORDER.play.startMs, wordOf(order.startMs), true);
      view.setUint16(at + ORDER.play.times, order.times, true);
      writeManner(view, at, { ...order, fields: ORDER.play });
      if (!isShort(order.times)) view.setUint8(at + ORDER.play.target, UNREADABLE);
      return;
    case 'playTone':
      view.setUint32(at + ORDER.playTone.durationMs, wordOf(order.durationMs), true);
      writeManner(view, at, { ...order, fields: ORDER.playTone });
      if (!writeTone(view, at, order.tone))
        view.setUint16(at + ORDER.playTone.frequenciesHz, HZ_UNREADABLE, true);
      return;
    case 'stopPlay':
      writePlace(view, at, ORDER.stopPlay.target, order);
      return;
    case 'startRecording':
      writeRecording(view, at, order);
      return;
    case 'pauseRecording':
      writePlace(view, at, ORDER.pauseRecording.target, order);
      view.setUint32(at + ORDER.pauseRecording.recording, order.recording, true);
      view.setUint8(at + ORDER.pauseRecording.paused, order.paused ? 1 : 0);
      view.setUint8(at + ORDER.pauseRecording.silenceInstead, order.silenceInstead ? 1 : 0);
      return;
    case 'stopRecording':
      writePlace(view, at, ORDER.stopRecording.target, order);
      view.setUint32(at + ORDER.stopRecording.recording, order.recording, true);
      return;
    case 'detectSpeech':
      view.setUint32(at + ORDER_HEADER.endpoint, order.endpoint, true);
      view.setUint8(at + ORDER.detectSpeech.on, order.timer === null ? 0 : 1);
      view.setUint32(
        at + ORDER.detectSpeech.noSpeechMs,
        wordOf(order.timer?.noSpeechMs ?? 0),
        true,
      );
      view.setUint32(
        at + ORDER.detectSpeech.endSilenceMs,
        wordOf(order.timer?.endSilenceMs ?? 0),
        true,
      );
      return;
    default:
      neverReached(order);
  }
}

function writeRecording(
  view: DataView,
  at: number,
  order: Extract<SoundOrder, { kind: 'startRecording' }>,
): void {
  const fields = ORDER.startRecording;
  writePlace(view, at, fields.target, order);
  view.setUint32(at + fields.maximumMs, wordOf(order.maximumMs), true);
  view.setUint32(at + fields.endSilenceMs, wordOf(order.endSilenceMs), true);
  view.setUint8(at + fields.container, RECORDING_CONTAINERS.indexOf(order.container));
  view.setUint8(at + fields.sound, RECORDING_SOUNDS.indexOf(order.sound));
  view.setUint8(at + fields.rateKhz, byteOf(order.rateKhz));
  view.setUint8(at + fields.trims, order.trimsSilence ? 1 : 0);
  writeName(view, at + fields.name, order.name);
}

/** @param targetAt where the order’s record says which of the two it is. */
function writePlace(view: DataView, at: number, targetAt: number, place: SoundPlace): void {
  const isConference = 'conference' in place;
  const handle = isConference ? place.conference : place.endpoint;
  view.setUint32(at + ORDER_HEADER.endpoint, handle, true);
  view.setUint8(at + targetAt, SOUND_TARGETS.indexOf(isConference ? 'conference' : 'endpoint'));
}

/** A name that is too long, or would end within, is left empty: the engine takes none such. */
function writeName(view: DataView, at: number, name: string): void {
  const bytes = utf8.encode(name);
  if (bytes.length > NAME_BYTES_MAX || bytes.includes(0)) return;
  bytes.forEach((byte, index) => view.setUint8(at + index, byte));
}

interface MannerFields {
  readonly fields: Readonly<Record<'target' | 'replaces' | 'endsOnDigit' | 'endsOnVoice', number>>;
}

function writeManner(
  view: DataView,
  at: number,
  order: SoundPlace & PlayManner & MannerFields,
): void {
  const { fields } = order;
  writePlace(view, at, fields.target, order);
  view.setUint8(at + fields.replaces, order.replaces ? 1 : 0);
  view.setUint8(at + fields.endsOnDigit, order.endsOnDigit ? 1 : 0);
  view.setUint8(at + fields.endsOnVoice, order.endsOnVoice ? 1 : 0);
}

/** @returns false when the record has no room for it, or no number. */
function writeTone(view: DataView, at: number, tone: ToneSound): boolean {
  const fields = ORDER.playTone;
  view.setUint8(at + fields.repeats, tone.repeats ? 1 : 0);
  if (tone.sines.length > SINES_MAX || tone.cadence.length > STEPS_MAX) return false;
  const numbers = [
    ...tone.sines.map(({ hz }) => hz),
    ...tone.cadence.flatMap(({ onMs, offMs }) => [onMs, offMs]),
  ];
  const levels = tone.sines.map(({ belowFullDb }) => belowFullDb);
  if (!numbers.every(isShort) || !levels.every((db) => isShort(db) && db < UNREADABLE))
    return false;
  tone.sines.forEach(({ hz, belowFullDb }, index) => {
    view.setUint16(at + fields.frequenciesHz + 2 * index, hz, true);
    view.setUint8(at + fields.levelsBelowFull + index, belowFullDb);
  });
  tone.cadence.forEach(({ onMs, offMs }, index) => {
    view.setUint16(at + fields.cadenceMs + 4 * index, onMs, true);
    view.setUint16(at + fields.cadenceMs + 4 * index + 2, offMs, true);
  });
  return true;
}
