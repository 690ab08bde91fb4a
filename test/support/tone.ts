// Tones: made for a party to send, and measured at whoever should hear them. Who hears whom is then one number.
import { readFileSync } from 'node:fs';

export const SAMPLE_RATE_HZ = 8000;

export interface Tone {
  readonly frequencyHz: number;
  /** Peak, in steps of 16 bit. */
  readonly amplitude: number;
  readonly seconds: number;
}

/** Samples of a sine, mono, 8 kHz. */
export function toneSamples({ frequencyHz, amplitude, seconds }: Tone): Int16Array {
  const step = (2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ;
  return Int16Array.from({ length: Math.round(seconds * SAMPLE_RATE_HZ) }, (_, index) =>
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

/** A WAV file (RIFF, 16 bit, mono, 8 kHz) of the samples. */
export function encodeWav(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  const dataBytes = samples.length * 2;
  header.write('RIFF', 0, 'ascii');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'ascii');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // channels
  header.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  header.writeUInt32LE(SAMPLE_RATE_HZ * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'ascii');
  header.writeUInt32LE(dataBytes, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, dataBytes)]);
}

export interface Recording {
  readonly sampleRateHz: number;
  readonly samples: Int16Array;
}

/** Reads a 16-bit mono WAV; a length field left at 0 by a recorder that was killed means "to the end". */
export function readWav(path: string): Recording {
  const bytes = readFileSync(path);
  if (bytes.toString('ascii', 0, 4) !== 'RIFF' || bytes.toString('ascii', 8, 12) !== 'WAVE') {
    throw new Error(`${path} is no WAV file`);
  }
  let sampleRateHz = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const chunk = bytes.toString('ascii', at, at + 4);
    const chunkBytes = bytes.readUInt32LE(at + 4);
    const start = at + 8;
    if (chunk === 'fmt ') {
      sampleRateHz = bytes.readUInt32LE(start + 4);
      const channels = bytes.readUInt16LE(start + 2);
      const bits = bytes.readUInt16LE(start + 14);
      if (channels !== 1 || bits !== 16)
        throw new Error(`${path}: ${channels} channels, ${bits} bits`);
    }
    if (chunk === 'data') {
      const end = chunkBytes === 0 ? bytes.length : Math.min(bytes.length, start + chunkBytes);
      const count = Math.floor((end - start) / 2);
      const samples = Int16Array.from({ length: count }, (_, index) =>
        bytes.readInt16LE(start + index * 2),
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

/** The strongest of `candidatesHz` in the middle half of a recording, where start and end of the call don't reach. */
export function strongestTone(
  recording: Recording,
  candidatesHz: readonly number[],
): { readonly frequencyHz: number; readonly amplitude: number } {
  const { samples, sampleRateHz } = recording;
  const quarter = Math.floor(samples.length / 4);
  const middle = { sampleRateHz, samples: samples.subarray(quarter, samples.length - quarter) };
  return candidatesHz
    .map((frequencyHz) => ({ frequencyHz, amplitude: amplitudeAt(middle, frequencyHz) }))
    .reduce((best, next) => (next.amplitude > best.amplitude ? next : best), {
      frequencyHz: 0,
      amplitude: 0,
    });
}
