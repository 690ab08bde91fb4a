// What a leg's trunk says about its media. A leg without a trunk, as one whose route has no gateway left, may do nothing.
import type { SrtpPolicy } from '../config/index.ts';
import type { AudioPolicy } from './audio-path.ts';
import type { Leg } from './call.ts';
import type { AudioWishes } from './leg-audio.ts';

const NOTHING: AudioPolicy & AudioWishes = {
  codecs: [],
  transcode: 'never',
  dtmf: 'auto',
  comfortNoise: 'off',
  redundancy: 'off',
  ptimeMs: 20,
  jitterBuffer: 'medium',
  opusBitrateBps: null,
  opusComplexity: 0,
};

/** Codecs, transcoding and digits. */
export function policyOf({ trunk }: Pick<Leg, 'trunk'>): AudioPolicy {
  return trunk ?? NOTHING;
}

/** How audio of our own making is. */
export function wishesOf({ trunk }: Pick<Leg, 'trunk'>): AudioWishes {
  return trunk ?? NOTHING;
}

/** Whether the leg may or must be encrypted. */
export function srtpOf({ trunk }: Pick<Leg, 'trunk'>): SrtpPolicy {
  return trunk?.srtp ?? 'off';
}
