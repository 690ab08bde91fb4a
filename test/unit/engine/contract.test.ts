// The generated contract: committed files equal what the generator writes, and the two languages agree.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type {
  BUFFER_SIZES,
  CODES,
  COUNTERS,
  DIGIT_SOURCES,
  EVENT,
  LINK_MODES,
  ORDER,
  PARTICIPANT_ROLES,
  PAYLOAD_CONVERSIONS,
  PAYLOAD_KINDS,
  PLAY_ENDS,
  RECORDING_CONTAINERS,
  RECORDING_ENDS,
  RECORDING_SOUNDS,
  SOURCE_RULES,
  SPEECH_CHANGES,
  SRTP_SUITES,
} from '../../../src/engine/contract.gen.ts';
import type {
  BufferSize,
  EndpointCounters,
  EngineCode,
  EngineEvent,
  EngineOrder,
  LinkMode,
  ParticipantRole,
  PayloadConversion,
  PayloadKind,
  PlayEnd,
  RecordingContainer,
  RecordingEnd,
  SourceRule,
  SpeechChange,
  SrtpSuite,
} from '../../../src/engine/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Compiles only when the two unions are the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

test('both generated faces of the contract are what contract.json says', () => {
  execFileSync(process.execPath, ['scripts/gen-contract.mjs', '--check'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
});

test('the types of the room and the contract name the same codes, counters, orders, events and rules', () => {
  const codes: Same<EngineCode, (typeof CODES)[number]> = true;
  const counters: Same<keyof EndpointCounters, (typeof COUNTERS)[number]> = true;
  const orders: Same<EngineOrder['kind'], keyof typeof ORDER> = true;
  const events: Same<Exclude<EngineEvent['kind'], 'engineLost'>, keyof typeof EVENT> = true;
  const rules: Same<SourceRule, (typeof SOURCE_RULES)[number]> = true;
  assert.equal([codes, counters, orders, events, rules], [true, true, true, true, true]);
});

test('the types and the contract name the same kinds of audio, keys and digits', () => {
  type DigitSource = Extract<EngineEvent, { readonly kind: 'digit' }>['source'];
  const kinds: Same<PayloadKind, (typeof PAYLOAD_KINDS)[number]> = true;
  const suites: Same<SrtpSuite, (typeof SRTP_SUITES)[number]> = true;
  const modes: Same<LinkMode, (typeof LINK_MODES)[number]> = true;
  // "none" stands for a conversion that isn't written.
  const conversions: Same<PayloadConversion | 'none', (typeof PAYLOAD_CONVERSIONS)[number]> = true;
  const sizes: Same<BufferSize, (typeof BUFFER_SIZES)[number]> = true;
  const sources: Same<DigitSource, (typeof DIGIT_SOURCES)[number]> = true;
  const roles: Same<ParticipantRole['kind'], (typeof PARTICIPANT_ROLES)[number]> = true;
  assert.equal([kinds, suites, modes, conversions, sizes, sources, roles], Array(7).fill(true));
});

test('the types and the contract name the same ends of what is played and changes of speech', () => {
  const ends: Same<PlayEnd, (typeof PLAY_ENDS)[number]> = true;
  const changes: Same<SpeechChange, (typeof SPEECH_CHANGES)[number]> = true;
  const containers: Same<RecordingContainer, (typeof RECORDING_CONTAINERS)[number]> = true;
  type RecordingSound = Extract<EngineOrder, { readonly kind: 'startRecording' }>['sound'];
  const sounds: Same<RecordingSound, (typeof RECORDING_SOUNDS)[number]> = true;
  const stops: Same<RecordingEnd, (typeof RECORDING_ENDS)[number]> = true;
  assert.equal([ends, changes, containers, sounds, stops], Array(5).fill(true));
});

test.run();
