// Tones: made for a party to send, and measured at whoever should hear them. Who hears whom is then one number.
import { readFileSync } from 'node:fs';

export const SAMPLE_RATE_HZ = 8000;

export interface Tone {
  readonly frequencyHz: number;
  /** Peak, in steps of 16 bit. */
  readonly amplitude: number;
  readonly seconds: number;
}

/** Samples of a sine, mono. */
export function toneSamples(
  { frequencyHz, amplitude, seconds }: Tone,
  sampleRateHz = SAMPLE_RATE_HZ,
): Int16Array {
  const step = (2 * Math.PI * frequencyHz) / sampleRateHz;
  return Int16Array.from({ length: Math.round(seconds * sampleRateHz) }, (_, index) =>
    Math.round(amplitude * Math.sin(step * index)),
  );
}

/** G.711 mu-law of each sample (ITU-T G.711, table 2a), as RTP carries it. */
export function encodeMuLaw(samples: Int16Array): Buffer {
  return Buffer.from(Array.from(samples, muLaw));
}

const MU_LAW_BIAS = 132;
const MU_LAW_CLIP = 32_635;

function muLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), MU_LAW_CLIP) + MU_LAW_BIAS;
  const segment = Math.floor(Math.log2(magnitude)) - 7;
  const step = (magnitude >> (segment + 3)) & 0x0f;
  return ~(sign | (segment << 4) | step) & 0xff;
}

/** How a WAV file holds its samples. */
export interface WavShape {
  readonly sampleRateHz: number;
  /** The same samples on each. */
  readonly channels: number;
}

/** A WAV file (RIFF, 16 bit) of the samples. */
export function encodeWav(
  samples: Int16Array,
  { sampleRateHz, channels }: WavShape = { sampleRateHz: SAMPLE_RATE_HZ, channels: 1 },
): Buffer {
  const header = Buffer.alloc(44);
  const frameBytes = 2 * channels;
  const data = Int16Array.from(
    { length: samples.length * channels },
    (_, index) => samples[Math.floor(index / channels)] ?? 0,
  );
  const dataBytes = data.length * 2;
  header.write('RIFF', 0, 'ascii');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'ascii');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'ascii');
  header.writeUInt32LE(dataBytes, 40);
  return Buffer.concat([header, Buffer.from(data.buffer)]);
}

export interface Recording {
  readonly sampleRateHz: number;
  readonly samples: Int16Array;
}

/** Reads a 16-bit WAV, of several channels the first; a length field left at 0 by a recorder that was killed means "to the end". */
export function readWav(path: string): Recording {
  const bytes = readFileSync(path);
  if (bytes.toString('ascii', 0, 4) !== 'RIFF' || bytes.toString('ascii', 8, 12) !== 'WAVE') {
    throw new Error(`${path} is no WAV file`);
  }
  let sampleRateHz = 0;
  let channels = 1;
  for (let at = 12; at + 8 <= bytes.length;) {
    const chunk = bytes.toString('ascii', at, at + 4);
    const chunkBytes = bytes.readUInt32LE(at + 4);
    const start = at + 8;
    if (chunk === 'fmt ') {
      sampleRateHz = bytes.readUInt32LE(start + 4);
      channels = bytes.readUInt16LE(start + 2);
      const bits = bytes.readUInt16LE(start + 14);
      if (channels < 1 || bits !== 16)
        throw new Error(`${path}: ${channels} channels, ${bits} bits`);
    }
    if (chunk === 'data') {
      const end = chunkBytes === 0 ? bytes.length : Math.min(bytes.length, start + chunkBytes);
      const frameBytes = 2 * channels;
      const count = Math.floor((end - start) / frameBytes);
      const samples = Int16Array.from({ length: count }, (_, index) =>
        bytes.readInt16LE(start + index * frameBytes),
      );
      return { sampleRateHz, samples };
    }
    at = start + chunkBytes + (chunkBytes % 2);
  }
  throw new Error(`${path} holds no samples`);
}

/**
 * Peak amplitude of one frequency in the samples, by Goertzel's filter.
 * @returns the amplitude of the sine that would give the same answer, in the samples' steps.
 */
export function amplitudeAt({ sampleRateHz, samples }: Recording, frequencyHz: number): number {
  const omega = (2 * Math.PI * frequencyHz) / sampleRateHz;
  const coefficient = 2 * Math.cos(omega);
  let before = 0;
  let last = 0;
  for (const sample of samples) {
    const next = sample + coefficient * last - before;
    before = last;
    last = next;
  }
  const power = last * last + before * before - coefficient * last * before;
  return samples.length === 0 ? 0 : (2 * Math.sqrt(Math.max(power, 0))) / samples.length;
}

/** The middle half of a recording, where start and end of the call don't reach. */
function middleOf({ samples, sampleRateHz }: Recording): Recording {
  const quarter = Math.floor(samples.length / 4);
  return { sampleRateHz, samples: samples.subarray(quarter, samples.length - quarter) };
}

/**
 * A tone's own frequency, not held to any list: the strongest within `spanHz` of what it should be, in steps of 0.1 Hz.
 * @returns its frequency and the amplitude there, from the middle half of the recording.
 */
export function toneNear(
  recording: Recording,
  expectedHz: number,
  spanHz = 5,
): { readonly frequencyHz: number; readonly amplitude: number } {
  const middle = middleOf(recording);
  const steps = Array.from(
    { length: 20 * spanHz + 1 },
    (_, index) => expectedHz - spanHz + index / 10,
  );
  return strongestOf(middle, steps);
}

function strongestOf(
  recording: Recording,
  frequenciesHz: readonly number[],
): { readonly frequencyHz: number; readonly amplitude: number } {
  return frequenciesHz
    .map((frequencyHz) => ({ frequencyHz, amplitude: amplitudeAt(recording, frequencyHz) }))
    .reduce((best, next) => (next.amplitude > best.amplitude ? next : best), {
      frequencyHz: 0,
      amplitude: 0,
    });
}
