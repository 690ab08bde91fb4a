// Parser and writer beyond the golden pairs: bounds, what is kept, and time on hostile bodies.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../../src/base/index.ts';
import {
  describeMedia,
  parseSdp,
  readAudio,
  SDP_LIMITS,
  writeSdp,
  type Sdp,
} from '../../../../src/sip/sdp/index.ts';

const HEAD = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n';
const AUDIO = 'm=audio 4000 RTP/AVP 0\r\n';

function parsed(text: string): Sdp {
  const result = parseSdp(text);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
const problem = (text: string | Buffer): string => {
  const result = parseSdp(text);
  return result.ok ? 'none' : `${result.error.code} ${result.error.message}`;
};

test('everything that was written comes out again in its order', () => {
  const text =
    'v=0\r\no=jo 2890844526 2890842807 IN IP6 2001:db8::1\r\ns=Weekly call\r\ni=about\r\nu=http://x.example/\r\n' +
    'e=a@x.example\r\np=+1 555\r\nc=IN IP6 2001:db8::1\r\nb=AS:256\r\nb=TIAS:64000\r\nt=10 20\r\nr=7d 1h 0 25h\r\n' +
    'z=2882844526 -1h\r\nk=clear:x\r\na=tool:y\r\na=inactive\r\nm=audio 4000/2 RTP/AVP 0 96\r\ni=sound\r\n' +
    'c=IN IP6 2001:db8::2\r\nb=AS:64\r\nk=prompt\r\na=rtpmap:96 opus/48000/2\r\na=x-unknown:keep me\r\na=flag\r\n' +
    'm=application 9 TCP/MSRP *\r\n';
  assert.is(writeSdp(parsed(text)), text);
});

test('a Buffer is read as UTF-8', () => {
  const result = parseSdp(Buffer.from(HEAD.replace('s=-', 's=Grüße')));
  assert.is(result.ok ? result.value.sessionName : '', 'Grüße');
});

test('direction, connection and static payloads are inherited and filled in', () => {
  const sdp = parsed(`${HEAD}a=sendonly\r\nm=audio 4000 RTP/AVP 0 9 77 x\r\na=fmtp:9 mode=1\r\n`);
  const [media] = sdp.media;
  if (media === undefined) throw new Error('no section');
  const view = describeMedia(sdp, media);
  assert.is(view.direction, 'sendonly');
  assert.equal(view.connection, { addressType: 'IP4', address: '192.0.2.1' });
  assert.equal(
    view.rtpMaps.map(({ encoding, clockRateHz }) => `${encoding}/${clockRateHz}`),
    ['PCMU/8000', 'G722/8000'],
  );
  assert.is(view.fmtp.get(9), 'mode=1');
});

test('of an attribute that stands twice the first counts', () => {
  const sdp = parsed(
    `${HEAD}m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\na=ptime:30\r\na=sendonly\r\na=inactive\r\n`,
  );
  const audio = readAudio(sdp);
  assert.equal(audio.ok ? [audio.value.ptimeMs, audio.value.direction] : null, [20, 'sendonly']);
});

test('format parameters that are too long or not printable are left behind', () => {
  for (const value of ['x'.repeat(SDP_LIMITS.fmtpLength + 1), 'bad\u00e9']) {
    const audio = readAudio(parsed(`${HEAD}${AUDIO}a=fmtp:0 ${value}\r\n`));
    assert.is(audio.ok ? audio.value.codecs[0]?.fmtp : 'error', null);
  }
});

test('a stream on the last port has no RTCP port', () => {
  const audio = readAudio(parsed(`${HEAD}m=audio 65535 RTP/AVP 0\r\n`));
  assert.is(audio.ok ? audio.value.remoteRtcp : 'error', null);
});

for (const [address, code] of [
  ['IP4 192.0.2.99', null],
  ['IP4 0.0.0.0', null],
  ['IP6 2001:db8::1', null],
  ['IP4 233.252.0.1', 'MEDIA_UNREACHABLE'],
  ['IP4 233.252.0.1/127/3', 'MEDIA_UNREACHABLE'],
  ['IP6 ff15::101/3', 'MEDIA_UNREACHABLE'],
  ['IP4 255.255.255.255', 'MEDIA_UNREACHABLE'],
  ['IP4 0.1.2.3', 'MEDIA_UNREACHABLE'],
  ['IP4 localhost', 'MEDIA_UNREACHABLE'],
  ['IP6 media-1.example.com', 'MEDIA_UNREACHABLE'],
  ['IP4 192.0.2.99/127', 'SDP_MALFORMED'],
  ['IP4 233.252.0.1/ttl', 'SDP_MALFORMED'],
  ['IP4 300.1.2.3', 'SDP_MALFORMED'],
  ['IP4 2001:db8::1', 'SDP_MALFORMED'],
  ['IP4 a..example', 'SDP_MALFORMED'],
  ['IP4 *.example', 'SDP_MALFORMED'],
  [`IP4 ${'a.'.repeat(130)}example`, 'SDP_MALFORMED'],
] as const) {
  test(`c=IN ${address.slice(0, 40)} is ${code ?? 'an address to use'}`, () => {
    const audio = readAudio(parsed(`${HEAD}${AUDIO}c=IN ${address}\r\n`));
    assert.is(audio.ok ? null : audio.error.code, code);
  });
}

test('several multicast addresses for one stream are as unusable as one', () => {
  const groups = 'c=IN IP4 233.252.0.1/127\r\nc=IN IP4 233.252.0.2/127\r\n';
  const audio = readAudio(parsed(`${HEAD}${AUDIO}${groups}`));
  assert.is(audio.ok ? null : audio.error.code, 'MEDIA_UNREACHABLE');
});

for (const [what, text, expected] of [
  ['body over the limit', `${HEAD}${'a=x\r\n'.repeat(4000)}`, /body: 2\d{4} bytes, at most 16384/],
  ['too many lines', `${HEAD}${'\n'.repeat(1100)}a=x`, /more than 1000 lines/],
  ['a line over the limit', `${HEAD}a=${'x'.repeat(2_100)}`, /line 6: longer than 2048/],
  ['too many attributes', `${HEAD}${'a=x\n'.repeat(513)}`, /line 518: more than 512 attributes/],
  ['too many formats', `${HEAD}m=audio 4000 RTP/AVP${' 0'.repeat(129)}`, /more than 128 formats/],
  ['too many bandwidth lines', `${HEAD}${'b=AS:1\n'.repeat(17)}`, /line 22: more than 16 b= lines/],
  ['an empty body', '', /line 1: must be "v=0", is ""/],
] as const) {
  test(`${what} is SDP_MALFORMED with its place`, () => {
    assert.match(problem(text), /^SDP_MALFORMED /);
    assert.match(problem(text), expected);
  });
}

test('an error message holds no more than a bounded, printable piece of the body', () => {
  const message = problem(`${HEAD}m=\u{1f600}${'y'.repeat(1_000)}`);
  assert.match(message, /^[ -~]+$/);
  assert.ok(message.length < 150);
});

test('the writer throws rather than let a value smuggle in a line', () => {
  const sdp = parsed(HEAD + AUDIO);
  assert.throws(() => writeSdp({ ...sdp, sessionName: 'x\r\na=sendonly' }), /line end/);
  assert.throws(() => writeSdp({ ...sdp, sessionName: 'x\ny' }), /line end/);
  assert.throws(() => writeSdp({ ...sdp, sessionName: 'x\0y' }), /line end/);
});

test('hostile bodies of full length are answered in linear time', () => {
  const size = SDP_LIMITS.bodyBytes - 200;
  const bodies = [
    `${HEAD}a=rtpmap:${' '.repeat(1_900)}\r\n`.padEnd(size, 'a=rtpmap:0 '),
    `${HEAD}m=audio 1${' '.repeat(1_900)}`,
    `${HEAD}m=audio 1 ${'R/'.repeat(900)} ${'0 '.repeat(50)}`,
    `${HEAD}${'o='.repeat(8_000)}`,
    `${HEAD}c=IN IP4${' '.repeat(1_900)}x y`,
    HEAD + AUDIO + `a=fmtp:0${' '.repeat(1_900)}\r\n`.repeat(7),
    HEAD + AUDIO + `a=rtcp:1${' '.repeat(1_900)}IN\r\n`.repeat(7),
    `v=0${'\r'.repeat(size)}`,
    `${HEAD}${' \t'.repeat(7_000)}x`,
  ];
  // A bound on work, not on time: one pass over all of them a hundred times would take minutes if any were squared.
  for (let i = 0; i < 100; i += 1) for (const body of bodies) parseSdp(body.slice(0, size));
});

test('mutated descriptions are read or refused, and what is read survives a round trip', () => {
  const random = seededRandom(20_264);
  const seed = `${HEAD}a=sendrecv\r\nm=audio 4000 RTP/AVP 0 8 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:4001 IN IP4 192.0.2.1\r\na=ptime:20\r\nm=video 0 RTP/AVP 99\r\n`;
  const pieces = [
    '\r\n',
    '\n',
    '=',
    ':',
    '/',
    ' ',
    '0',
    '-1',
    '99999',
    'm=',
    'a=',
    'c=IN IP6 ::\r\n',
    '\0',
    '\u00e9',
  ];
  let read = 0;
  for (let i = 0; i < 20_000; i += 1) {
    let text = seed;
    for (let change = 0; change <= random.draw() * 4; change += 1) {
      const at = Math.floor(random.draw() * text.length);
      const cut = Math.floor(random.draw() * 4);
      const piece = pieces[Math.floor(random.draw() * pieces.length)] ?? '';
      text = text.slice(0, at) + piece + text.slice(at + cut);
    }
    const once = parseSdp(text);
    if (!once.ok) continue;
    read += 1;
    assert.equal(parseSdp(writeSdp(once.value)), once);
    readAudio(once.value);
  }
  assert.ok(read > 1_000);
});

test.run();
