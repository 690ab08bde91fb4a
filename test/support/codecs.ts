// Codecs of parties in tests, none of them ours: mu-law by table, G.722 and Opus by ffmpeg. Whole streams are encoded
// before a test sends them and decoded after it has heard them, so that nothing waits for a codec in between.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { encodeMuLaw } from './tone.ts';

const FRAME_MS = 20;
const BUFFER_BYTES = 256 * 1024 * 1024;
/** Opus streams always count 48,000 a second, and begin with what the encoder looked ahead (RFC 7845 §4.2). */
const OPUS_RATE_HZ = 48_000;
const PRE_SKIP = 312;

export interface VoiceCodec {
  readonly name: 'pcmu' | 'g722' | 'opus';
  readonly payloadType: number;
  /** Of the samples that go in and come out. */
  readonly sampleRateHz: number;
  /** What RTP timestamps go on by with a frame of 20 ms. */
  readonly frameClock: number;
  /** @returns payloads of 20 ms each; what is left over is dropped. */
  encode(samples: Int16Array): Buffer[];
  /** @param payloads of 20 ms each; null = lost, which is silence. */
  decode(payloads: readonly (Buffer | null)[]): Int16Array;
}

let ffmpegPath: string | null = null;

/** The optional package's program, or the system's. */
function ffmpeg(): string {
  if (ffmpegPath !== null) return ffmpegPath;
  try {
    const installed: unknown = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg');
    const path = (installed as { readonly path?: unknown }).path;
    ffmpegPath = typeof path === 'string' ? path : 'ffmpeg';
  } catch {
    ffmpegPath = 'ffmpeg';
  }
  return ffmpegPath;
}

function convert(input: Buffer, from: readonly string[], to: readonly string[]): Buffer {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-threads', '1'];
  return execFileSync(ffmpeg(), [...quiet, ...from, '-i', 'pipe:0', ...to, 'pipe:1'], {
    input,
    maxBuffer: BUFFER_BYTES,
  });
}

const rawOf = (rateHz: number): string[] => ['-f', 's16le', '-ar', String(rateHz), '-ac', '1'];
const bytesOf = (samples: Int16Array): Buffer =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
const samplesOf = (bytes: Buffer): Int16Array => {
  const samples = new Int16Array(bytes.length >> 1);
  bytes.copy(Buffer.from(samples.buffer), 0, 0, samples.byteLength);
  return samples;
};

function cut(bytes: Buffer, frameBytes: number): Buffer[] {
  const count = Math.floor(bytes.length / frameBytes);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * frameBytes, (index + 1) * frameBytes),
  );
}

const fill = (payloads: readonly (Buffer | null)[], silence: Buffer): Buffer =>
  Buffer.concat(payloads.map((payload) => payload ?? silence));

/** ITU-T G.711, table 2a: each byte's sample. */
const MU_LAW_SAMPLES = Int16Array.from({ length: 256 }, (_, byte) => {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 0x0f) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return (value & 0x80) === 0 ? magnitude : -magnitude;
});

export const PCMU: VoiceCodec = {
  name: 'pcmu',
  payloadType: 0,
  sampleRateHz: 8_000,
  frameClock: 160,
  encode: (samples) => cut(encodeMuLaw(samples), 160),
  decode: (payloads) =>
    Int16Array.from(fill(payloads, Buffer.alloc(160, 0xff)), (byte) => MU_LAW_SAMPLES[byte] ?? 0),
};

export const G722: VoiceCodec = {
  name: 'g722',
  payloadType: 9,
  sampleRateHz: 16_000,
  frameClock: 160,
  encode: (samples) => cut(convert(bytesOf(samples), rawOf(16_000), ['-f', 'g722']), 160),
  decode: (payloads) =>
    samplesOf(
      convert(fill(payloads, Buffer.alloc(160, 0xfa)), ['-f', 'g722', '-ac', '1'], rawOf(16_000)),
    ),
};

export const OPUS: VoiceCodec = {
  name: 'opus',
  payloadType: 111,
  sampleRateHz: OPUS_RATE_HZ,
  frameClock: 960,
  encode: (samples) => {
    // As many bits as a generous peer sends, in every packet: what a variable bitrate makes of tones is no voice's.
    const rate = ['-b:a', '64k', '-vbr', 'off', '-frame_duration', String(FRAME_MS)];
    const settings = ['-c:a', 'libopus', ...rate];
    const file = convert(bytesOf(samples), rawOf(OPUS_RATE_HZ), [...settings, '-f', 'opus']);
    return readOgg(file).slice(2);
  },
  decode: (payloads) =>
    // 0xf8 with nothing behind it: a frame of 20 ms that was lost (RFC 6716 §3.2.1, CELT, full band, one frame).
    samplesOf(
      convert(
        writeOgg(payloads.map((payload) => payload ?? Buffer.of(0xf8))),
        ['-c:a', 'libopus', '-f', 'ogg'],
        rawOf(OPUS_RATE_HZ),
      ),
    ),
};

/** The packets of a file with one stream (RFC 3533 §6). */
function readOgg(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let at = 0; at + 27 <= file.length;) {
    const segments = file.readUInt8(at + 26);
    let from = at + 27 + segments;
    for (let index = 0; index < segments; index += 1) {
      const length = file.readUInt8(at + 27 + index);
      parts.push(file.subarray(from, from + length));
      from += length;
      if (length === 255) continue;
      packets.push(Buffer.concat(parts));
      parts = [];
    }
    at = from;
  }
  return packets;
}

/** A file of Opus packets of 20 ms, one a page. */
function writeOgg(payloads: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'ascii');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt16LE(PRE_SKIP, 10);
  head.writeUInt32LE(OPUS_RATE_HZ, 12);
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)]);
  const packets = [head, tags, ...payloads];
  return Buffer.concat(
    packets.map((packet, index) => {
      const granule = Math.max(0, index - 1) * 960;
      const flags = index === 0 ? 2 : index === packets.length - 1 ? 4 : 0;
      return oggPage(packet, { sequence: index, granule, flags });
    }),
  );
}

function oggPage(
  packet: Buffer,
  {
    sequence,
    granule,
    flags,
  }: { readonly sequence: number; readonly granule: number; readonly flags: number },
): Buffer {
  const segments = Math.floor(packet.length / 255) + 1;
  const page = Buffer.alloc(27 + segments + packet.length);
  page.write('OggS', 'ascii');
  page.writeUInt8(flags, 5);
  page.writeBigUInt64LE(BigInt(granule), 6);
  page.writeUInt32LE(1, 14);
  page.writeUInt32LE(sequence, 18);
  page.writeUInt8(segments, 26);
  page.fill(255, 27, 27 + segments - 1);
  page.writeUInt8(packet.length % 255, 27 + segments - 1);
  packet.copy(page, 27 + segments);
  page.writeUInt32LE(oggChecksum(page), 22);
  return page;
}

/** CRC-32 with the polynomial 04c11db7, not reflected, from 0 on (RFC 3533 §6). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1)
    value = (value << 1) ^ ((value & 0x8000_0000) === 0 ? 0 : 0x04c1_1db7);
  return value >>> 0;
});

function oggChecksum(page: Buffer): number {
  let crc = 0;
  for (const byte of page)
    crc = ((crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return crc;
}
