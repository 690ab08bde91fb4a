// SDP: whatever is accepted can be written, and what was written reads the same; what is read as audio can be offered to another
// party and answered, in descriptions that say what they were made to say.
import {
  anchoredAnswer,
  anchoredOffer,
  cryptoText,
  decodeCrypto,
  parseSdp,
  readAudio,
  readAudioText,
  writeSdp,
} from '../../../src/sip/sdp/index.ts';
import type { AnchoredSdp, AudioDescription, CodecName } from '../../../src/sip/sdp/index.ts';
import { expectProperty } from './target.ts';
import type { FuzzTarget } from './target.ts';

const ALL: readonly CodecName[] = ['opus', 'G722', 'PCMA', 'PCMU', 'telephone-event', 'CN', 'red'];
const OURS = {
  anchor: { address: '192.0.2.9', rtpPort: 20_000, rtcpPort: 20_001, rtcpMux: true },
  sessionId: '1',
} as const;

/** What a description of ours says of codecs, as a peer reads it. */
function codecsIn(text: string): readonly string[] | null {
  const read = readAudioText(Buffer.from(text, 'utf8'), 'off');
  return read.ok ? namesOf(read.value) : null;
}

const namesOf = ({ codecs }: AudioDescription): readonly string[] =>
  codecs.map(({ payloadType, name, clockRateHz }) => `${payloadType} ${name}/${clockRateHz}`);

/** Offers what was read to another party, who takes all of it, and twice, as in a re-INVITE. */
function passOn(audio: AudioDescription): void {
  let previous: AnchoredSdp | null = null;
  for (const addedCodecs of [[], ALL]) {
    const offer = anchoredOffer({
      ...OURS,
      previous,
      from: audio,
      allowedCodecs: ALL,
      codecOrder: 'offered',
      addedCodecs,
    });
    if (!offer.ok) continue;
    const { text, audio: sent } = offer.value;
    const numbers = sent.codecs.map(({ payloadType }) => payloadType);
    expectProperty(new Set(numbers).size === numbers.length, 'each number is one codec');
    expectProperty(
      sent.rejected || codecsIn(text)?.join() === namesOf(sent).join(),
      'our offer reads as what it was made of',
    );
    previous = offer.value;
    // An answer to SRTP needs a key of ours, which is not this target's matter.
    if (audio.cryptos.length > 0) continue;
    const answer = anchoredAnswer({ ...OURS, previous: null, offer: audio, sent, farAnswer: sent });
    expectProperty(answer.ok, 'what all was taken of is answered');
    if (!answer.ok || answer.value.audio.rejected) continue;
    expectProperty(codecsIn(answer.value.text) !== null, 'our answer reads');
  }
}

export const sdp: FuzzTarget = {
  seedFolders: ['test/golden/sdp'],
  fragments: [
    'v=0',
    'o=- 1 1 IN IP4 192.0.2.1',
    's=-',
    'c=IN IP4 192.0.2.1',
    'c=IN IP6 ::1',
    'c=IN IP4 0.0.0.0',
    't=0 0',
    'm=audio 4000 RTP/AVP 0 8 101',
    'm=audio 0 RTP/AVP 0',
    'm=video 5000/2 RTP/AVPF 96',
    'm=image 6000 udptl t38',
    'a=rtpmap:96 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=maxptime:40',
    'a=sendonly',
    'a=inactive',
    'a=rtcp:4001 IN IP4 192.0.2.2',
    'a=rtcp-mux',
    'm=audio 4000 RTP/SAVP 0',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz',
    'a=crypto:2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==',
    '|2^20',
    '|1:4',
    ' KDR=1',
    ' WSH=64',
    ' UNENCRYPTED_SRTP',
    ' FEC_ORDER=FEC_SRTP',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^48|4294967295:4',
    ';inline:',
    'a=rtpmap:104 red/8000',
    'a=fmtp:104 0/0',
    'a=fmtp:104 0/8/0',
    'a=rtpmap:105 red/48000/2',
    'a=fmtp:105 96/96/96',
    'a=fmtp:105 105/105',
    'a=rtpmap:13 CN/8000',
    'a=rtpmap:118 CN/16000',
    'm=audio 4000 RTP/AVP 104 0 13 101',
    'a=__proto__:1',
    'a=ssrc:1 cname:x',
    'b=AS:64',
    'k=clear:x',
    'z=0 0',
    'r=1 2 3',
    ' ',
    '/',
    ':',
    '65536',
    '-1',
    '\r\n\r\n',
    '\xc3\xa0',
  ],
  separator: '\r\n',
  run(input) {
    const first = parseSdp(input);
    if (!first.ok) return;
    for (const rule of ['off', 'optional', 'required'] as const) {
      const audio = readAudio(first.value, rule);
      if (audio.ok) passOn(audio.value);
      for (const crypto of audio.ok ? audio.value.cryptos : []) {
        const again = decodeCrypto(cryptoText(crypto));
        expectProperty(again.kind === 'usable', 'a key that was read can be written');
      }
    }
    const written = writeSdp(first.value);
    const second = parseSdp(written);
    expectProperty(second.ok, 'what was written reads');
    if (!second.ok) return;
    expectProperty(writeSdp(second.value) === written, 'what was written reads the same');
  },
};
