// SDP: whatever is accepted can be written, and what was written reads the same.
import {
  cryptoText,
  decodeCrypto,
  parseSdp,
  readAudio,
  writeSdp,
} from '../../../src/sip/sdp/index.ts';
import { expectProperty } from './target.ts';
import type { FuzzTarget } from './target.ts';

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
