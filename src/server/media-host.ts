// Settings of the media process out of the configuration.
import type { Settings } from '../config/index.ts';
import type { HostConfig } from '../engine/index.ts';
import type { MediaPlace } from './family.ts';

/** What the media process takes memory for and listens on. */
export function hostConfigOf(settings: Settings, place: MediaPlace): HostConfig {
  const { media } = settings;
  return {
    region: place.region,
    runDir: place.runDir,
    mediaFolder: media.folder,
    threads: media.threads,
    endpointsMax: media.endpoints,
    addresses: media.addresses.map(({ bind, portMin, portMax }) => ({ bind, portMin, portMax })),
    conferenceParticipantsMax: media.conferenceParticipants,
    kernelPath: media.kernelPath === 'auto',
  };
}
