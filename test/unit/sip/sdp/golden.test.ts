// Golden pairs: what devices offer, and what the B2BUA makes of it. `NAME.sdp` goes in; `NAME.expected.txt` holds the
// offer to the other party, that party's answer, our answer back and the payload maps, or the error.
// Rewrite the expected files with: node --import tsx test/unit/sip/sdp/golden.test.ts --write
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  acceptCrypto,
  anchoredAnswer,
  anchoredOffer,
  answerCrypto,
  offerCryptos,
  ownAnswer,
  parseSdp,
  payloadMaps,
  readAudio,
  readAudioText,
  writeSdp,
  type AnchorPoint,
  type AudioDescription,
  type CodecName,
  type CryptoLine,
  type CryptoSuite,
  type SrtpRule,
} from '../../../../src/sip/sdp/index.ts';
import { seededRandom, type Result } from '../../../../src/base/index.ts';

interface Case {
  readonly name: string;
  /** The rule the case stands for. */
  readonly clause: string;
  readonly verdict:
    'ok' | 'SDP_MALFORMED' | 'MEDIA_UNREACHABLE' | 'CODEC_NOT_SHARED' | 'SRTP_NOT_SHARED';
  readonly shows?: string;
  readonly allowedCodecs?: readonly CodecName[];
  readonly codecOrder?: 'offered' | 'allowed';
  readonly rtcpMux?: boolean;
  /** Whether the caller's leg may or must be SRTP. */
  readonly srtp?: SrtpRule;
  /** The other party's leg is SRTP. */
  readonly farSrtp?: boolean;
}

const FOLDER = new URL('../../../golden/sdp/', import.meta.url);
const WRITE = process.argv.includes('--write');
const ALL: readonly CodecName[] = ['PCMU', 'PCMA', 'G722', 'telephone-event'];
const SUITES: readonly CryptoSuite[] = [
  'AEAD_AES_256_GCM',
  'AEAD_AES_128_GCM',
  'AES_CM_128_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_32',
];
const anchor = (host: number, rtpPort: number, rtcpMux = false): AnchorPoint => ({
  address: `198.51.100.${host}`,
  rtpPort,
  rtcpPort: rtpPort + 1,
  rtcpMux,
});

const manifest: unknown = JSON.parse(readFileSync(new URL('manifest.json', FOLDER), 'utf8'));
const { cases } = manifest as { readonly cases: readonly Case[] };

/** Ends a case early with its error. */
class Refused extends Error {}

function must<T>(result: Result<T, { readonly code: string; readonly message: string }>): T {
  if (!result.ok) throw new Refused(`${result.error.code}: ${result.error.message}\n`);
  return result.value;
}

/** The line that answers an offer's keys; none where it has none. The seed chooses the key. */
function answered(offer: AudioDescription, seed: number): readonly CryptoLine[] {
  if (offer.cryptos.length === 0) return [];
  const random = seededRandom(seed);
  const options = { offered: offer.cryptos, allowedSuites: SUITES, previous: null, random };
  return [must(answerCrypto(options)).ours];
}

/** The call as seen by the B2BUA: caller's offer on, an ordinary far party's answer back. */
function outcome(golden: Case, body: Buffer): string {
  const offer = must(readAudioText(body, golden.srtp));
  const ourKeys = answered(offer, 1);
  const farRule: SrtpRule = golden.farSrtp === true ? 'required' : 'off';
  const allowedCodecs = golden.allowedCodecs ?? ALL;
  const sent = must(
    anchoredOffer({
      from: offer,
      allowedCodecs,
      codecOrder: golden.codecOrder ?? 'offered',
      anchor: anchor(2, 20_002),
      sessionId: '2000',
      previous: null,
      cryptos: golden.farSrtp === true ? offerCryptos(SUITES.slice(1), seededRandom(2)) : [],
    }),
  );
  const farAnchor = { ...anchor(99, 9_900), rtcpPort: 9_901 };
  const far = must(
    ownAnswer({
      offer: sent.audio,
      allowedCodecs,
      anchor: farAnchor,
      sessionId: '9000',
      previous: null,
      cryptos: answered(sent.audio, 9),
    }),
  );
  const farAnswer = must(readAudioText(far.text, farRule));
  if (golden.farSrtp === true) must(acceptCrypto(sent.audio.cryptos, farAnswer.cryptos));
  const answer = must(
    anchoredAnswer({
      offer,
      sent: sent.audio,
      farAnswer,
      anchor: anchor(1, 20_000, golden.rtcpMux),
      sessionId: '1000',
      previous: null,
      cryptos: ourKeys,
    }),
  );
  const maps = payloadMaps(
    { ours: answer.audio, theirs: offer },
    { ours: sent.audio, theirs: farAnswer },
  );
  return [
    `caller receives RTP at ${pointText(offer)}`,
    '',
    '--- our offer to the other party',
    sent.text,
    '--- its answer',
    far.text,
    '--- our answer to the caller',
    answer.text,
    '--- payload types',
    `caller to callee: ${mapText(maps.aToB)}`,
    `callee to caller: ${mapText(maps.bToA)}`,
    '',
  ]
    .join('\n')
    .replaceAll('\r\n', '\n');
}

function pointText({ remoteRtp, remoteRtcp, rtcpMux, direction }: AudioDescription): string {
  const rtp = remoteRtp === null ? 'nowhere' : `${remoteRtp.host} ${remoteRtp.port}`;
  const rtcp = remoteRtcp === null ? 'nowhere' : `${remoteRtcp.host} ${remoteRtcp.port}`;
  return `${rtp}, RTCP at ${rtcpMux ? 'the same' : rtcp}, ${direction}`;
}

const mapText = (map: readonly (readonly [number, number])[]): string =>
  map.length === 0 ? 'nothing' : map.map(([from, to]) => `${from}>${to}`).join(' ');

for (const golden of cases) {
  test(`${golden.name}: ${golden.shows ?? golden.verdict} (${golden.clause})`, () => {
    const body = readFileSync(new URL(`${golden.name}.sdp`, FOLDER));
    let text: string;
    try {
      text = outcome(golden, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      text = error.message;
    }
    const verdict = /^([A-Z_]+): /.exec(text)?.[1] ?? 'ok';
    assert.is(verdict, golden.verdict, text);
    const expected = new URL(`${golden.name}.expected.txt`, FOLDER);
    if (WRITE) writeFileSync(expected, text);
    else assert.fixture(text, readFileSync(expected, 'utf8'));
  });

  test(`${golden.name}: what is read can be written and read again`, () => {
    const once = parseSdp(readFileSync(new URL(`${golden.name}.sdp`, FOLDER)));
    if (!once.ok) return;
    const again = parseSdp(writeSdp(once.value));
    assert.equal(again, once);
    for (const srtp of ['off', golden.srtp ?? 'off'] as const)
      assert.equal(again.ok ? readAudio(again.value, srtp) : null, readAudio(once.value, srtp));
  });
}

test('no address, name or secret of the caller is in what the other party sees', () => {
  const private_ =
    /192\.0\.2|203\.0\.113|10\.0\.1|jdoe|jane|intranet|Private|candidate|fingerprint|cname|vendor/;
  const inline = /inline:([^\s|]+)/g;
  for (const { name, verdict } of cases) {
    if (verdict !== 'ok') continue;
    const text = readFileSync(new URL(`${name}.expected.txt`, FOLDER), 'utf8');
    const ours = text.slice(text.indexOf('---'));
    assert.not.match(ours, private_);
    const sdp = readFileSync(new URL(`${name}.sdp`, FOLDER), 'utf8');
    for (const [, key = ''] of sdp.matchAll(inline)) assert.is(ours.includes(key), false, name);
  }
});

test.run();
