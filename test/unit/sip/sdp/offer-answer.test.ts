// Offer/answer across the two legs of a call, over several exchanges.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  anchoredAnswer,
  anchoredOffer,
  answerDirection,
  ownAnswer,
  ownOffer,
  readAudioText,
  type AnchoredSdp,
  type AnchorPoint,
  type AudioDescription,
  type CodecName,
  type Direction,
} from '../../../../src/sip/sdp/index.ts';
import type { CodedError, Result } from '../../../../src/base/index.ts';

const ALL: readonly CodecName[] = ['PCMU', 'PCMA', 'G722', 'opus', 'telephone-event'];
const LEG_A: AnchorPoint = {
  address: '198.51.100.1',
  rtpPort: 20_000,
  rtcpPort: 20_001,
  rtcpMux: false,
};
const LEG_B: AnchorPoint = { ...LEG_A, rtpPort: 20_002, rtcpPort: 20_003 };

function sdp(...media: readonly string[]): AudioDescription {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'];
  return must(readAudioText([...head, ...media, ''].join('\r\n')));
}

function must<T>(result: Result<T, CodedError>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const code = (result: Result<unknown, CodedError>): string =>
  result.ok ? 'ok' : result.error.code;

function offerOn(
  from: AudioDescription,
  previous: AnchoredSdp | null = null,
  allowedCodecs = ALL,
): AnchoredSdp {
  const options = { from, allowedCodecs, codecOrder: 'offered', anchor: LEG_B } as const;
  return must(anchoredOffer({ ...options, sessionId: '2', previous }));
}

function answerBack(
  offer: AudioDescription,
  sent: AnchoredSdp,
  farAnswer: AudioDescription,
  previous: AnchoredSdp | null = null,
): AnchoredSdp {
  const audio = sent.audio;
  return must(
    anchoredAnswer({ offer, sent: audio, farAnswer, anchor: LEG_A, sessionId: '1', previous }),
  );
}

const mediaLines = ({ text }: AnchoredSdp): readonly string[] =>
  text.split('\r\n').filter((line) => line.startsWith('m='));
const PCMU_EVENTS = ['m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000'];

test('what we say about our description is what a peer reads in it', () => {
  const offer = sdp(
    'm=video 5000 RTP/AVP 99',
    'm=audio 4000 RTP/AVP 8 0 96',
    'a=ptime:30',
    'a=rtpmap:96 opus/48000/2',
  );
  const sent = offerOn(offer);
  assert.equal(must(readAudioText(sent.text)), sent.audio);
  const answer = answerBack(offer, sent, sdp('m=audio 6000 RTP/AVP 8', 'a=ptime:20'));
  assert.equal(must(readAudioText(answer.text)), answer.audio);
  assert.is(answer.audio.mediaIndex, 1);
});

test('the version stays while the text does, and grows by one with each change', () => {
  const first = offerOn(sdp(...PCMU_EVENTS));
  const again = offerOn(sdp(...PCMU_EVENTS), first);
  const held = offerOn(sdp(...PCMU_EVENTS, 'a=sendonly'), again);
  const resumed = offerOn(sdp(...PCMU_EVENTS), held);
  assert.equal(
    [first, again, held, resumed].map(({ version }) => version),
    [1, 1, 2, 3],
  );
  assert.is(again.text, first.text);
  assert.match(resumed.text, 'o=- 2 3 IN IP4 198.51.100.1\r\n');
});

test('a port of the offerer that moves changes nothing for the other side', () => {
  const first = offerOn(sdp(...PCMU_EVENTS));
  const moved = sdp('m=audio 4444 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000');
  assert.is(offerOn(moved, first).text, first.text);
  assert.equal(moved.remoteRtp, { host: '192.0.2.1', port: 4444 });
});

test('a port of our own that moves makes a new version', () => {
  const from = sdp(...PCMU_EVENTS);
  const first = offerOn(from);
  const anchor = { ...LEG_B, rtpPort: 20_100, rtcpPort: 20_101 };
  const options = { from, allowedCodecs: ALL, codecOrder: 'offered', sessionId: '2' } as const;
  const second = must(anchoredOffer({ ...options, anchor, previous: first }));
  assert.is(second.version, 2);
  assert.equal(mediaLines(second), ['m=audio 20100 RTP/AVP 0 101']);
});

test('a re-offer with fewer codecs drops them on the other leg', () => {
  const first = offerOn(sdp('m=audio 4000 RTP/AVP 8 0 9'));
  const second = offerOn(sdp('m=audio 4000 RTP/AVP 0'), first);
  assert.equal(mediaLines(second), ['m=audio 20002 RTP/AVP 0']);
  assert.is(second.version, 2);
});

test('a re-offer from the other side keeps the numbers this leg had for the same codecs', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000');
  const sent = offerOn(offer);
  const far = sdp('m=audio 6000 RTP/AVP 0 96', 'a=rtpmap:96 telephone-event/8000');
  const answer = answerBack(offer, sent, far);
  assert.equal(mediaLines(answer), ['m=audio 20000 RTP/AVP 0 101']);
  // Now the callee re-offers under its own numbers; the caller still sees 101.
  const back = must(
    anchoredOffer({
      from: far,
      allowedCodecs: ALL,
      codecOrder: 'offered',
      anchor: LEG_A,
      sessionId: '1',
      previous: answer,
    }),
  );
  assert.equal(mediaLines(back), ['m=audio 20000 RTP/AVP 0 101']);
  assert.is(back.version, answer.version);
});

test('a number bound to one codec on a leg is never given to another', () => {
  const opus96 = sdp('m=audio 4000 RTP/AVP 96', 'a=rtpmap:96 opus/48000/2');
  const first = offerOn(opus96);
  const events96 = sdp('m=audio 4000 RTP/AVP 0 96', 'a=rtpmap:96 telephone-event/8000');
  const second = offerOn(events96, first);
  assert.equal(mediaLines(second), ['m=audio 20002 RTP/AVP 0 97']);
  assert.equal(mediaLines(offerOn(opus96, second)), ['m=audio 20002 RTP/AVP 96']);
});

test('a re-offer keeps refused streams in their places', () => {
  const offer = sdp('m=video 5000 RTP/AVP 99', 'm=audio 4000 RTP/AVP 0', 'm=image 5002 udptl t38');
  const answer = answerBack(offer, offerOn(offer), sdp('m=audio 6000 RTP/AVP 0'));
  const places = ['m=video 0 RTP/AVP 99', 'm=audio 20000 RTP/AVP 0', 'm=image 0 udptl t38'];
  assert.equal(mediaLines(answer), places);
  const options = { allowedCodecs: ALL, codecOrder: 'offered', anchor: LEG_A } as const;
  const from = sdp('m=audio 6000 RTP/AVP 0', 'a=sendonly');
  const back = must(anchoredOffer({ ...options, from, sessionId: '1', previous: answer }));
  assert.equal(mediaLines(back), places);
});

test('a hold passes to the other side and its answer comes back as recvonly', () => {
  const held = sdp(...PCMU_EVENTS, 'a=sendonly');
  const sent = offerOn(held);
  assert.is(sent.audio.direction, 'sendonly');
  const answer = answerBack(held, sent, sdp('m=audio 6000 RTP/AVP 0', 'a=recvonly'));
  assert.is(answer.audio.direction, 'recvonly');
});

test('a hold that the far side answers with sendrecv is still answered with recvonly', () => {
  const held = sdp(...PCMU_EVENTS, 'a=sendonly');
  const answer = answerBack(held, offerOn(held), sdp('m=audio 6000 RTP/AVP 0'));
  assert.is(answer.audio.direction, 'recvonly');
});

test('an old-style hold has no remote address and goes on as sendonly with a real one', () => {
  const held = must(
    readAudioText(
      'v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n',
    ),
  );
  assert.is(held.oldStyleHold, true);
  assert.is(held.remoteRtp, null);
  assert.is(held.remoteRtcp, null);
  assert.is(offerOn(held).audio.direction, 'sendonly');
  assert.not.match(offerOn(held).text, '0.0.0.0');
});

for (const [offered, wanted, expected] of [
  ['sendrecv', 'sendrecv', 'sendrecv'],
  ['sendrecv', 'sendonly', 'sendonly'],
  ['sendrecv', 'recvonly', 'recvonly'],
  ['sendrecv', 'inactive', 'inactive'],
  ['sendonly', 'sendrecv', 'recvonly'],
  ['sendonly', 'sendonly', 'inactive'],
  ['sendonly', 'recvonly', 'recvonly'],
  ['recvonly', 'sendrecv', 'sendonly'],
  ['recvonly', 'sendonly', 'sendonly'],
  ['recvonly', 'recvonly', 'inactive'],
  ['inactive', 'sendrecv', 'inactive'],
] as const satisfies readonly (readonly [Direction, Direction, Direction])[]) {
  test(`an offer of ${offered} that wants ${wanted} is answered ${expected}`, () => {
    assert.is(answerDirection({ offered, wanted }), expected);
  });
}

test('a late offer travels the other way round by the same functions', () => {
  const calleeOffer = sdp('m=audio 6000 RTP/AVP 8 0 97', 'a=rtpmap:97 telephone-event/8000');
  const toCaller = offerOn(calleeOffer);
  const callerAnswer = sdp('m=audio 4000 RTP/AVP 0 97', 'a=rtpmap:97 telephone-event/8000');
  const inAck = answerBack(calleeOffer, toCaller, callerAnswer);
  assert.equal(mediaLines(inAck), ['m=audio 20000 RTP/AVP 0 97']);
});

test('the far answer decides codecs and their order, in the offerer’s numbers', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 0 8 110', 'a=rtpmap:110 telephone-event/8000');
  const far = sdp(
    'm=audio 6000 RTP/AVP 8 0 99',
    'a=rtpmap:99 telephone-event/8000',
    'a=fmtp:99 0-15',
    'a=ptime:40',
  );
  const answer = answerBack(offer, offerOn(offer), far);
  assert.equal(mediaLines(answer), ['m=audio 20000 RTP/AVP 8 0 110']);
  assert.match(answer.text, 'a=fmtp:110 0-15\r\na=ptime:40\r\n');
});

test('a codec that the far side answers without having been offered it is not passed back', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 0 9');
  const sent = offerOn(offer, null, ['PCMU']);
  const far = sdp('m=audio 6000 RTP/AVP 9 0');
  assert.equal(mediaLines(answerBack(offer, sent, far)), ['m=audio 20000 RTP/AVP 0']);
  const foreign = { offer, sent: sent.audio, farAnswer: sdp('m=audio 6000 RTP/AVP 9') };
  const options = { anchor: LEG_A, sessionId: '1', previous: null };
  assert.is(code(anchoredAnswer({ ...foreign, ...options })), 'CODEC_NOT_SHARED');
});

test('a far answer with port 0 is answered with port 0', () => {
  const offer = sdp(...PCMU_EVENTS);
  const answer = answerBack(offer, offerOn(offer), sdp('m=audio 0 RTP/AVP 0'));
  assert.is(answer.audio.rejected, true);
  assert.equal(mediaLines(answer), ['m=audio 0 RTP/AVP 0 101']);
});

test('no allowed audio codec is CODEC_NOT_SHARED, naming both lists', () => {
  const from = sdp(...PCMU_EVENTS);
  const options = { anchor: LEG_B, sessionId: '2', previous: null, codecOrder: 'offered' } as const;
  const result = anchoredOffer({ from, allowedCodecs: ['G722', 'telephone-event'], ...options });
  assert.is(code(result), 'CODEC_NOT_SHARED');
  assert.match(result.ok ? '' : result.error.message, 'PCMU, telephone-event, allowed are G722');
});

test('A25 codecs of our own stand behind the offerer’s, audio before events, in numbers that are free', () => {
  const from = sdp(
    'm=audio 4000 RTP/AVP 0 96 111',
    'a=rtpmap:96 telephone-event/8000',
    'a=rtpmap:111 x-unknown/8000',
  );
  const options = { anchor: LEG_B, sessionId: '2', previous: null, codecOrder: 'allowed' } as const;
  const added = ['opus', 'PCMA', 'PCMU', 'telephone-event'] as const;
  const sent = must(anchoredOffer({ ...options, from, allowedCodecs: ALL, addedCodecs: added }));
  // Opus has our usual number, so the offerer's events take the next.
  assert.equal(mediaLines(sent), ['m=audio 20002 RTP/AVP 0 96 8 97 102']);
  assert.match(sent.text, 'a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n');
  assert.match(sent.text, 'a=rtpmap:102 telephone-event/48000\r\n');
  const alone = { ...options, from, allowedCodecs: ['G722'], addedCodecs: ['PCMA'] } as const;
  assert.equal(mediaLines(must(anchoredOffer(alone))), ['m=audio 20002 RTP/AVP 8']);
});

test('an answer may hold what was chosen in place of what the far side took, in its direction', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000');
  const farAnswer = sdp('m=audio 6000 RTP/AVP 9', 'a=sendonly', 'a=ptime:40', 'a=maxptime:60');
  const sent = offerOn(offer).audio;
  const chosen = { codecs: offer.codecs, ptimeMs: 30, maxptimeMs: null };
  const options = { offer, sent, farAnswer, anchor: LEG_A, sessionId: '1', previous: null };
  const answer = must(anchoredAnswer({ ...options, chosen }));
  assert.equal(mediaLines(answer), ['m=audio 20000 RTP/AVP 0 101']);
  assert.is(answer.audio.direction, 'sendonly');
  assert.equal([answer.audio.ptimeMs, answer.audio.maxptimeMs], [30, null]);
  const nothing = { ...chosen, codecs: [] };
  assert.is(code(anchoredAnswer({ ...options, chosen: nothing })), 'CODEC_NOT_SHARED');
});

test('events keep their clock when no audio codec has it, rather than being lost', () => {
  const from = sdp(
    'm=audio 4000 RTP/AVP 96 101',
    'a=rtpmap:96 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
  );
  assert.equal(mediaLines(offerOn(from)), ['m=audio 20002 RTP/AVP 96 101']);
});

test('an RTCP port that is not the next one is written, and rtcp-mux only accepted when proposed', () => {
  const offer = sdp(...PCMU_EVENTS);
  const far = sdp('m=audio 6000 RTP/AVP 0');
  const odd = { ...LEG_A, rtcpPort: 30_000, rtcpMux: true };
  const options = { sent: offerOn(offer).audio, farAnswer: far, anchor: odd } as const;
  const plain = must(anchoredAnswer({ ...options, offer, sessionId: '1', previous: null }));
  assert.match(plain.text, 'a=rtcp:30000\r\n');
  assert.not.match(plain.text, 'rtcp-mux');
  const muxing = sdp(...PCMU_EVENTS, 'a=rtcp-mux');
  const muxed = must(anchoredAnswer({ ...options, offer: muxing, sessionId: '1', previous: null }));
  assert.match(muxed.text, 'a=rtcp-mux\r\n');
  assert.not.match(muxed.text, 'a=rtcp:');
});

test('IPv6 media addresses are written with their family', () => {
  const options = { codecs: ALL, direction: 'sendrecv', sessionId: '5', previous: null } as const;
  const { text } = must(ownOffer({ ...options, anchor: { ...LEG_A, address: '2001:db8::1' } }));
  assert.match(text, 'o=- 5 1 IN IP6 2001:db8::1\r\n');
  assert.match(text, 'c=IN IP6 2001:db8::1\r\n');
});

test('an offer of our own lists the codecs asked for with their usual numbers', () => {
  const options = { direction: 'sendrecv', anchor: LEG_A, sessionId: '5', previous: null } as const;
  const narrow = must(ownOffer({ ...options, codecs: ['PCMA', 'telephone-event'] }));
  assert.equal(mediaLines(narrow), ['m=audio 20000 RTP/AVP 8 101']);
  const wide = must(ownOffer({ ...options, codecs: ['opus', 'PCMU', 'telephone-event'] }));
  assert.equal(mediaLines(wide), ['m=audio 20000 RTP/AVP 96 0 101 102']);
  assert.is(code(ownOffer({ ...options, codecs: ['telephone-event'] })), 'CODEC_NOT_SHARED');
});

test('an answer of our own takes the first allowed codec and the events of its clock', () => {
  const offer = sdp(
    'm=audio 4000 RTP/AVP 18 8 0 101 102',
    'a=rtpmap:101 telephone-event/8000',
    'a=rtpmap:102 telephone-event/48000',
    'a=sendonly',
  );
  const options = { offer, anchor: LEG_A, sessionId: '5', previous: null };
  const answer = must(
    ownAnswer({ ...options, allowedCodecs: ['PCMU', 'PCMA', 'telephone-event'] }),
  );
  assert.equal(mediaLines(answer), ['m=audio 20000 RTP/AVP 8 101']);
  assert.is(answer.audio.direction, 'recvonly');
  assert.is(code(ownAnswer({ ...options, allowedCodecs: ['opus'] })), 'CODEC_NOT_SHARED');
});

test.run();
