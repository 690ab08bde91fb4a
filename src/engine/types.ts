// Orders to the media engine and what comes back. One record each; the layouts stand in contract.json.
import type {
  ClipHandle,
  ConferenceHandle,
  EndpointHandle,
  HostPort,
  OrderId,
} from '../base/index.ts';

/** `strict`: the SDP address is true, nothing else is ever relayed. `latch`: behind NAT, learned then locked. */
export type SourceRule = 'strict' | 'latch';

/** `forward`: packets go on as they are. `decoded`: through jitter buffer and codecs, see `setAudio`. */
export type LinkMode = 'forward' | 'decoded';

/** What is done to a payload on its way through a forwarding link. */
export type PayloadConversion = 'pcmuToPcma' | 'pcmaToPcmu';

/** How long to wait for late packets (SPEC A22). `off`: played as they come. */
export type BufferSize = 'off' | 'small' | 'medium' | 'large';

export type SrtpSuite =
  'off' | 'aesCm128Tag80' | 'aesCm128Tag32' | 'aeadAes128Gcm' | 'aeadAes256Gcm';

export type PayloadKind =
  'pcmu' | 'pcma' | 'g722' | 'l16' | 'opus' | 'telephoneEvent' | 'comfortNoise' | 'redundancy';

/** A payload type a peer may send, and what it means. */
export interface ReceivedPayload {
  readonly payloadType: number;
  readonly kind: PayloadKind;
  /** Sampling rate of L16, clock of telephone-event and redundancy; ignored for the others. 8, 16 or 48 kHz. */
  readonly rateKhz: number;
}

/** What we say to a peer in audio of our own. */
export interface SentAudio {
  readonly payloadType: number;
  readonly kind: 'pcmu' | 'pcma' | 'g722' | 'l16' | 'opus';
  /** Rate of the samples encoded: 8 for G.711, 16 for G.722, 8, 16 or 48 for L16 and Opus. */
  readonly rateKhz: number;
  /** 10 to 60, in tens; Opus takes the next shorter of 10, 20, 40 and 60. */
  readonly packetMs: number;
  /** telephone-event of the peer; null = digits are sounded as tones. */
  readonly event: { readonly payloadType: number; readonly rateKhz: number } | null;
  /** Comfort noise (RFC 3389) of the peer; null = silence is encoded. */
  readonly comfortPayloadType: number | null;
  /** Redundant audio (RFC 2198) of the peer, one frame back; null = none. */
  readonly redundancyPayloadType: number | null;
  /** Both sides’ wishes for Opus joined (RFC 7587 §6.1); ignored for other kinds. */
  readonly opus: OpusSettings;
}

export interface OpusSettings {
  /** 6,000 to 510,000; 0 = what suits the rate and FEC. */
  readonly bitrateBps: number;
  /** The peer’s `maxplaybackrate`. */
  readonly playbackRateHz: number;
  /** 0 (cheap) to 10. */
  readonly complexity: number;
  /** Loss expected on the way to the peer, percent; read with `fec`. */
  readonly lossPercent: number;
  readonly fec: boolean;
  readonly dtx: boolean;
  readonly cbr: boolean;
}

/** A master key of one direction; lengths are the suite’s. Secret. */
export interface SrtpSecret {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  /** 0 to 4 bytes. */
  readonly mki: Uint8Array;
}

/**
 * Where something is played or recorded. Of a conference any part will do to play: all parts hear it, but those on hold. What
 * is recorded is what one hears who only listens, so one part is enough too.
 */
export type SoundPlace =
  { readonly endpoint: EndpointHandle } | { readonly conference: ConferenceHandle };

/** How something is played, whatever it is. */
export interface PlayManner {
  /** Ends what sounds and waits; else it waits its turn, 16 at most. */
  readonly replaces: boolean;
  /**
   * The peer’s next key press, or its voice, ends it. A voice needs `setAudio` with something to receive. Neither can be in a
   * conference.
   */
  readonly endsOnDigit: boolean;
  readonly endsOnVoice: boolean;
}

/** One or two sines, switched by a cadence. */
export interface ToneSound {
  /** Up to 3,999 Hz, and how far each lies below a sine of full scale, 0 to 96 dB. */
  readonly sines: readonly { readonly hz: number; readonly belowFullDb: number }[];
  /** On and off, at most three times; none = it sounds on. */
  readonly cadence: readonly { readonly onMs: number; readonly offMs: number }[];
  /** Whether the cadence begins anew when it is over. */
  readonly repeats: boolean;
}

/** How someone takes part in a conference. */
export type ParticipantRole =
  /** Hears everyone else and is heard by everyone else. */
  | { readonly kind: 'talk' }
  /** Muted. */
  | { readonly kind: 'listen' }
  /** Hears everyone, is heard by one participant of the same part alone. */
  | { readonly kind: 'coach'; readonly coached: EndpointHandle }
  /** Hears and says nothing. */
  | { readonly kind: 'hold' };

export type EngineOrder =
  | {
      readonly kind: 'openEndpoint';
      readonly order: OrderId;
      /** Any number of the call's own: endpoints with equal numbers live on one media thread. */
      readonly affinity: number;
      /** Index into `media.addresses`. */
      readonly addressIndex: number;
    }
  | {
      readonly kind: 'updateEndpoint';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      /** Where the peer receives RTP; null = not known yet (nothing is sent, nothing accepted). */
      readonly remoteRtp: HostPort | null;
      /** Where the peer receives RTCP; null with `rtcpMux` or when RTCP is off. */
      readonly remoteRtcp: HostPort | null;
      readonly rtcpMux: boolean;
      readonly sourceRule: SourceRule;
      /** No RTP and no RTCP for so long raises `mediaTimeout`; 0 = never. */
      readonly inactivityMs: number;
      /** RTP clock rate by payload type, for jitter. */
      readonly clockRates: readonly (readonly [payloadType: number, clockRateHz: number])[];
    }
  /**
   * A one-way path; replaces what `from` fed before. `from` may equal `to` (echo). Forwarding, payload types not listed are
   * dropped; decoded, both endpoints need `setAudio` first and the map is not looked at.
   */
  | {
      readonly kind: 'openLink';
      readonly order: OrderId;
      readonly from: EndpointHandle;
      readonly to: EndpointHandle;
      readonly payloadMap: readonly (readonly [from: number, to: number])[];
      readonly mode: LinkMode;
      /** Payload types, as they come in, whose payload is converted too; at most 4. */
      readonly conversions: readonly (readonly [payloadType: number, PayloadConversion])[];
    }
  | { readonly kind: 'closeLink'; readonly order: OrderId; readonly from: EndpointHandle }
  /** Ends the endpoint and every link from or to it; answered by `endpointClosed` with the last counters. */
  | { readonly kind: 'closeEndpoint'; readonly order: OrderId; readonly endpoint: EndpointHandle }
  /**
   * Keys of SRTP and SRTCP (RFC 3711), both directions under one suite; `off` ends it. Given again with the same keys, rollover
   * counters go on (a re-INVITE); with other keys, packets under the old ones are still understood for a moment. While a suite is
   * set, plain packets are refused and none is sent.
   */
  | {
      readonly kind: 'setKeys';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      readonly suite: SrtpSuite;
      /** Null exactly when `suite` is `off`. */
      readonly keys: { readonly send: SrtpSecret; readonly receive: SrtpSecret } | null;
    }
  /**
   * What decoded work on this endpoint reads and writes. Opens codecs and the jitter buffer; given again, those that
   * didn’t change go on. Nothing to receive and nothing to send gives their memory back.
   */
  | {
      readonly kind: 'setAudio';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      /** At most 16. */
      readonly receive: readonly ReceivedPayload[];
      readonly send: SentAudio | null;
      readonly bufferSize: BufferSize;
      /** Whether DTMF is also looked for in the audio: the peer has no telephone-event. */
      readonly detectTones: boolean;
      /**
       * Whether digits of the leg it hears are kept from its peer, who is told of them in another way: neither events nor tones
       * are said, and tones found in what it hears are silenced. What `sendDigits` orders is said all the same.
       */
      readonly muteDigits: boolean;
    }
  /** Says digits to the endpoint’s peer in place of its audio; refused without `setAudio`. Queued behind those being said. */
  | {
      readonly kind: 'sendDigits';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      /** Event numbers 0 to 15 (RFC 4733 §3.2), 1 to 64 of them. */
      readonly digits: readonly number[];
      /** At least 40. */
      readonly toneMs: number;
      /** At least 40. */
      readonly pauseMs: number;
    }
  /** Maps a clip of the media folder for all endpoints of the host; answered by `clipLoaded`. */
  | {
      readonly kind: 'loadClip';
      readonly order: OrderId;
      /** A plain name, 1 to 160 bytes of UTF-8. */
      readonly name: string;
    }
  /** Nobody can play it from now on; where it is being played, it is played to its end. */
  | { readonly kind: 'unloadClip'; readonly order: OrderId; readonly clip: ClipHandle }
  /**
   * Plays a clip to the endpoint’s peer in place of its link, which needs `setAudio` with something to send; or into a
   * conference, beside what is said there. `playEnded` names this order when it is over, however it ends, unless endpoint or
   * conference close before.
   */
  | (SoundPlace &
      PlayManner & {
        readonly kind: 'play';
        readonly order: OrderId;
        readonly clip: ClipHandle;
        /** Where the first time begins; before the clip’s end. */
        readonly startMs: number;
        /** 0 = until it is stopped, 65,535 at most. */
        readonly times: number;
      })
  /** The same with a tone. */
  | (SoundPlace &
      PlayManner & {
        readonly kind: 'playTone';
        readonly order: OrderId;
        readonly tone: ToneSound;
        /** 0 = as long as its cadence lasts. */
        readonly durationMs: number;
      })
  /** Ends what sounds, which fades, and all that waits. */
  | (SoundPlace & { readonly kind: 'stopPlay'; readonly order: OrderId })
  /**
   * Records an endpoint into the media folder: what its peer says, and what is sent to the peer; needs `setAudio`, on a forwarded
   * link at both endpoints, since each side is heard where it is received. Or a conference, with what is played into it; `mixed`.
   * Two at a time. `recordingEnded` names this order once the file is whole, also after the endpoint or conference has closed.
   * A file that is there is never written over.
   */
  | (SoundPlace & {
      readonly kind: 'startRecording';
      readonly order: OrderId;
      /** A plain name, 1 to 160 bytes of UTF-8; segments add a number and `.seg`. */
      readonly name: string;
      readonly container: RecordingContainer;
      /** `dual`: two channels, the peer’s first; not with `oggOpus`. */
      readonly sound: 'received' | 'mixed' | 'dual';
      readonly rateKhz: 8 | 16 | 48;
      /** 0 = none. */
      readonly maximumMs: number;
      /** A silence of the peer, or of the whole conference, so long ends it; 0 = never. */
      readonly endSilenceMs: number;
      /**
       * Whether silence before the first sound and after the last is left out of the file. Of segments, which are read while they
       * are written, the first is a gap and the last stays.
       */
      readonly trimsSilence: boolean;
    })
  /** A pause is cut out, or heard as silence. */
  | (SoundPlace & {
      readonly kind: 'pauseRecording';
      readonly order: OrderId;
      readonly recording: OrderId;
      readonly paused: boolean;
      /** Of a pause that begins. */
      readonly silenceInstead: boolean;
    })
  | (SoundPlace & {
      readonly kind: 'stopRecording';
      readonly order: OrderId;
      readonly recording: OrderId;
    })
  /** Tells by `speech` whether the peer speaks; needs `setAudio` with something to receive. Given again, it begins anew. */
  | {
      readonly kind: 'detectSpeech';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      /** Silence from now on until `none`, and after speech until `ended`; 0 = never. Null ends it. */
      readonly timer: { readonly noSpeechMs: number; readonly endSilenceMs: number } | null;
    }
  /**
   * A conference, or a further part of one on another media thread: an endpoint joins the part on its own thread.
   * Answered by `conferenceOpened`. CONFERENCE_FULL: no room for so many seats, or for another part.
   */
  | {
      readonly kind: 'openConference';
      readonly order: OrderId;
      /** Chooses the media thread, as for `openEndpoint`. */
      readonly affinity: number;
      /** Participants there may be: 2 to the host’s `conferenceParticipantsMax`. Memory is taken for all of them now. */
      readonly capacity: number;
      /** Of everything said and heard in it: 8, 16 or 48; one rate for all parts. */
      readonly rateKhz: number;
      /** Any part of the conference that this is to be a part of; null = a conference of its own. */
      readonly partOf: ConferenceHandle | null;
    }
  /** Ends a conference, or one part of it. Its participants hear nothing from then on. */
  | {
      readonly kind: 'closeConference';
      readonly order: OrderId;
      readonly conference: ConferenceHandle;
    }
  /**
   * Brings an endpoint into a conference on its thread, or changes how it takes part; needs `setAudio` first. It leaves the
   * conference that it was in. Its link ends, and so does that of the endpoint it led to if that one led back; links from
   * and to a participant are refused until it has left.
   */
  | {
      readonly kind: 'setParticipant';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      readonly conference: ConferenceHandle;
      readonly role: ParticipantRole;
      /** Of its voice, whole numbers from -60 to 24. */
      readonly gainDb: number;
      /** Whether its voice is brought to a usual level first. */
      readonly levelled: boolean;
      /** Whether its digits are said to the others too; they are told to us in any case. */
      readonly passDigits: boolean;
    }
  /** Refused for an endpoint that is in no conference. */
  | {
      readonly kind: 'leaveConference';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
    };

/** How a play ended. `failed`: the endpoint has nothing left to send with. */
export type PlayEnd = 'finished' | 'stopped' | 'digit' | 'voice' | 'failed';

/**
 * `wav`: 16 bits a sample; `wavPcmu`, `wavPcma`: half as long, at 8 kHz. `segments`: files of half a minute that are readable at
 * any moment, also after a crash.
 */
export type RecordingContainer = 'wav' | 'wavPcmu' | 'wavPcma' | 'oggOpus' | 'segments';

/** `closed`: with its endpoint or conference. `diskFull`, `failed`: what there is was kept where it could be. */
export type RecordingEnd = 'stopped' | 'maximum' | 'silence' | 'closed' | 'diskFull' | 'failed';

/** What a peer did: began to speak, said nothing for `noSpeechMs`, or fell silent for `endSilenceMs`. */
export type SpeechChange = 'started' | 'none' | 'ended';

/** Why the engine refused an order; names equal those in contract.json. */
export type EngineCode =
  | 'OK'
  | 'HANDLE_STALE'
  | 'ENDPOINTS_FULL'
  | 'PORTS_EXHAUSTED'
  | 'SOCKET_FAILED'
  | 'ADDRESS_INVALID'
  | 'ORDER_INVALID'
  | 'MEMORY_FULL'
  | 'QUEUE_FULL'
  | 'CLIP_INVALID'
  | 'FILE_FAILED'
  | 'CONFERENCE_FULL';

export interface EndpointCounters {
  readonly packetsReceived: number;
  readonly octetsReceived: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
  /** RFC 3550 §A.3: expected minus received, never below 0 here. */
  readonly packetsLost: number;
  readonly jitterMs: number;
  /** Foreign source, refused by the source rule in our process. */
  readonly packetsRefused: number;
  /** Not RTP, payload type not mapped, or no link. */
  readonly packetsDropped: number;
  readonly rtcpReceived: number;
  readonly rtcpSent: number;
  /** 0 until the peer's reports allow it. */
  readonly roundTripMs: number;
  /** From here on 0 unless audio is decoded here (`setAudio`). Packets that came after their time to be played. */
  readonly packetsLate: number;
  readonly packetsDuplicate: number;
  /** From arrival to being heard, mean of the latest second. */
  readonly playoutDelayMs: number;
  readonly playedMs: number;
  /** Audio made up in place of what was lost or late. */
  readonly concealedMs: number;
  /** R of the E-model (ITU-T G.107), 0 to 100, from received RTP alone; 0 = not known. */
  readonly ratingFactor: number;
  /** 1 to 4.5 (G.711) or 5; 0 = not known. */
  readonly mosListening: number;
  /** The same with the delay counted in. */
  readonly mosConversational: number;
  /** Failed authentication, replayed, or in the clear where keys are set. */
  readonly srtpRefused: number;
  readonly digitsReceived: number;
}

export type EngineEvent =
  | {
      readonly kind: 'endpointOpened';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
      readonly rtpPort: number;
      readonly rtcpPort: number;
    }
  | {
      readonly kind: 'orderDone';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
    }
  | {
      readonly kind: 'endpointClosed';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
      readonly counters: EndpointCounters;
    }
  /** First accepted RTP packet since the last update. */
  | { readonly kind: 'mediaStarted'; readonly endpoint: EndpointHandle }
  | { readonly kind: 'mediaTimeout'; readonly endpoint: EndpointHandle; readonly silentMs: number }
  /** The latch closed on this source (RFC 4961, A30). */
  | { readonly kind: 'latched'; readonly endpoint: EndpointHandle; readonly remote: HostPort }
  /** A key press has ended: heard as telephone-event (RFC 4733) or found in the audio. Once each. */
  | {
      readonly kind: 'digit';
      readonly endpoint: EndpointHandle;
      /** 0 to 15: 0-9, *, #, A-D. */
      readonly digit: number;
      readonly source: 'event' | 'tone';
      readonly durationMs: number;
    }
  | {
      readonly kind: 'conferenceOpened';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly conference: ConferenceHandle;
    }
  /**
   * Someone else speaks in a conference than was told last, at most three times a second. In one of several parts each
   * part tells of its own participants: one who is the loudest of all parts, else null.
   */
  | {
      readonly kind: 'speaker';
      readonly conference: ConferenceHandle;
      readonly speaking: EndpointHandle | null;
    }
  | {
      readonly kind: 'clipLoaded';
      readonly order: OrderId;
      /** `CLIP_INVALID` for what is no clip or a damaged one, `FILE_FAILED` for what can’t be read. */
      readonly code: EngineCode;
      readonly clip: ClipHandle;
      readonly durationMs: number;
    }
  | (SoundPlace & {
      readonly kind: 'playEnded';
      /** The order that began it. */
      readonly play: OrderId;
      readonly playedMs: number;
      readonly end: PlayEnd;
    })
  /** The endpoint or conference may have been closed since. */
  | (SoundPlace & {
      readonly kind: 'recordingEnded';
      /** The order that began it. */
      readonly recording: OrderId;
      readonly durationMs: number;
      readonly bytes: number;
      /** Left out because the disk was too slow; silence in the file. */
      readonly lostMs: number;
      /** Silence left out at both ends together; in no other number here. */
      readonly trimmedMs: number;
      readonly end: RecordingEnd;
    })
  | { readonly kind: 'speech'; readonly endpoint: EndpointHandle; readonly speech: SpeechChange }
  /** The media process is gone; every handle is stale. Made by the JS face, not by a record. */
  | { readonly kind: 'engineLost' };

/** The media engine as the B2BUA sees it: real (src/engine) or fake (test/support). */
export interface MediaEngine {
  /** Copies the orders out; false when the order ring is full (nothing of this batch was taken). */
  submit(orders: readonly EngineOrder[]): boolean;
}
