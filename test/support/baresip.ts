// Drives baresip, a telephone of its own make: it sends a tone from a file, records what it hears, and so tells what
// really came through. (Its `-n lo` fails; the address itself makes it use loopback.)
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './child.ts';
import { startProgram } from './child.ts';
import { until } from './loopback.ts';
import type { Recording } from './tone.ts';
import { encodeWav, readWav, toneSamples } from './tone.ts';

export interface BaresipOptions {
  /** Its own folder: configuration, tone and recordings. */
  readonly folder: string;
  readonly local: { readonly host: string; readonly port: number };
  readonly mediaPorts: string;
  /** User part of its own address: it answers calls to this one only. */
  readonly user: string;
  /** The tone that it sends. */
  readonly toneHz: number;
  /** Where to call; null to wait and answer by itself. */
  readonly dial: string | null;
  /** It hangs up and ends after so long. */
  readonly seconds: number;
  /** What it offers and takes; left out: PCMU and PCMA. */
  readonly codecs?: readonly TelephoneCodec[];
  /** SRTP with keys in the SDP, and nothing else. */
  readonly encrypts?: boolean;
  /** Where it listens for a remote control; left out: nowhere. */
  readonly control?: { readonly host: string; readonly port: number };
}

export interface Baresip {
  readonly program: Program;
  /** Settles when it listens, or has placed its call. */
  readonly ready: Promise<void>;
  /** After its end: what it heard. */
  heard(): Recording;
}

/** Codecs in its own words, and the sound each takes: its own resampling of a file would be 1.4 dB too loud. */
const CODECS = {
  PCMU: { words: 'PCMU', sampleRateHz: 8_000, channels: 1 },
  PCMA: { words: 'PCMA', sampleRateHz: 8_000, channels: 1 },
  G722: { words: 'G722/16000/1', sampleRateHz: 16_000, channels: 1 },
  opus: { words: 'opus/48000/2', sampleRateHz: 48_000, channels: 2 },
} as const;
export type TelephoneCodec = keyof typeof CODECS;

const TONE_AMPLITUDE = 8000;
const READY_LIMIT_MS = 10_000;

/** Starts one telephone with one account that needs no registrar. */
export function startBaresip(options: BaresipOptions): Baresip {
  const recordings = join(options.folder, 'recordings');
  mkdirSync(recordings, { recursive: true });
  writeConfiguration(options, recordings);
  const dial = options.dial === null ? [] : ['-e', `/dial ${options.dial}`];
  const program = startProgram('baresip', [
    ...['-4', '-n', options.local.host, '-f', options.folder, '-t', String(options.seconds)],
    ...dial,
  ]);
  return {
    program,
    ready: until(() => program.output().includes('baresip is ready'), {
      what: 'baresip is ready',
      limitMs: READY_LIMIT_MS,
    }).then(() => undefined),
    heard: () => readWav(decodedRecording(recordings)),
  };
}

function writeConfiguration(options: BaresipOptions, recordings: string): void {
  const { folder, local, mediaPorts, user, toneHz, dial, seconds } = options;
  const { codecs = ['PCMU', 'PCMA'], encrypts = false, control = null } = options;
  const sound = CODECS[codecs[0] ?? 'PCMU'];
  const tone = join(folder, 'tone.wav');
  writeFileSync(
    tone,
    encodeWav(
      toneSamples(
        { frequencyHz: toneHz, amplitude: TONE_AMPLITUDE, seconds: seconds + 2 },
        sound.sampleRateHz,
      ),
      sound,
    ),
  );
  const config = [
    `sip_listen ${local.host}:${local.port}`,
    `audio_source aufile,${tone}`,
    'audio_player aubridge,p1',
    'audio_alert aubridge,a1',
    `ausrc_srate ${sound.sampleRateHz}`,
    `audio_srate ${sound.sampleRateHz}`,
    `audio_channels ${sound.channels}`,
    `rtp_ports ${mediaPorts}`,
    `snd_path ${recordings}`,
    // Where Debian's package keeps them; without this line it looks in the current folder.
    'module_path /usr/lib/baresip/modules',
    ...['g711', 'g722', 'opus', 'aubridge', 'aufile', 'sndfile', 'srtp'].map(
      (name) => `module ${name}.so`,
    ),
    ...['uuid', 'account'].map((name) => `module_tmp ${name}.so`),
    'module_app menu.so',
    ...(control === null
      ? []
      : ['module_app ctrl_tcp.so', `ctrl_tcp_listen ${control.host}:${control.port}`]),
  ];
  const answer = dial === null ? ';answermode=auto' : '';
  const secrecy = encrypts ? ';mediaenc=srtp-mand' : '';
  writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`);
  writeFileSync(
    join(folder, 'accounts'),
    `<sip:${user}@${local.host}:${local.port}>;regint=0;audio_codecs=${codecs.map((name) => CODECS[name].words).join(',')}${secrecy}${answer}\n`,
  );
  writeFileSync(join(folder, 'contacts'), '');
}

/** sndfile writes one file a direction; `dec` is what came in. */
function decodedRecording(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.endsWith('-dec.wav'));
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new Error(`${names.length} recordings in ${folder}`);
  return join(folder, name);
}
