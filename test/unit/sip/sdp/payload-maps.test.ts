// Payload types between two legs that number differently.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  payloadMaps,
  readAudioText,
  type AudioDescription,
} from '../../../../src/sip/sdp/index.ts';

function audio(...media: readonly string[]): AudioDescription {
  const result = readAudioText(
    ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 'c=IN IP4 192.0.2.1', ...media].join('\r\n'),
  );
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
const pcmuEvents = (events: number): AudioDescription =>
  audio(`m=audio 4000 RTP/AVP 0 ${events}`, `a=rtpmap:${events} telephone-event/8000`);

test('equal numbers map to themselves', () => {
  const side = { ours: pcmuEvents(101), theirs: pcmuEvents(101) };
  const maps = payloadMaps(side, side);
  assert.equal(maps.aToB, [
    [0, 0],
    [101, 101],
  ]);
  // No clock for 101: event packets share timestamps and would be taken for jitter.
  assert.equal(maps.clockRatesA, [[0, 8000]]);
  assert.is(maps.codec?.name, 'PCMU');
});

test('each way goes out under the number its receiver asked for', () => {
  // The callee answered our 101 with 96: it wants 96 and sends 101, or 96 when it is sloppy.
  const a = { ours: pcmuEvents(101), theirs: pcmuEvents(101) };
  const b = { ours: pcmuEvents(101), theirs: pcmuEvents(96) };
  const maps = payloadMaps(a, b);
  assert.equal(maps.aToB, [
    [0, 0],
    [101, 96],
  ]);
  assert.equal(maps.bToA, [
    [0, 0],
    [101, 101],
    [96, 101],
  ]);
  assert.equal(maps.clockRatesB, [[0, 8000]]);
});

test('a peer’s own number that means another codec in ours is not taken for its codec', () => {
  const ours = audio(
    'm=audio 4000 RTP/AVP 96 97',
    'a=rtpmap:96 opus/48000/2',
    'a=rtpmap:97 telephone-event/48000',
  );
  const theirs = audio(
    'm=audio 4000 RTP/AVP 97 96',
    'a=rtpmap:97 opus/48000/2',
    'a=rtpmap:96 telephone-event/48000',
  );
  const maps = payloadMaps({ ours, theirs: ours }, { ours, theirs });
  assert.equal(maps.aToB, [
    [96, 97],
    [97, 96],
  ]);
  assert.equal(maps.bToA, [
    [96, 96],
    [97, 97],
  ]);
});

test('what only one side has is not mapped', () => {
  const both = audio('m=audio 4000 RTP/AVP 0 8');
  const one = audio('m=audio 4000 RTP/AVP 8');
  const maps = payloadMaps({ ours: both, theirs: both }, { ours: one, theirs: one });
  assert.equal(maps.aToB, [[8, 8]]);
  assert.is(maps.codec?.name, 'PCMA');
});

test('events of different clocks are different payloads', () => {
  const wide = audio('m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/48000');
  const maps = payloadMaps(
    { ours: pcmuEvents(101), theirs: pcmuEvents(101) },
    { ours: wide, theirs: wide },
  );
  assert.equal(maps.aToB, [[0, 0]]);
});

test('opus is opus whatever its format parameters say', () => {
  const stereo = audio(
    'm=audio 4000 RTP/AVP 96',
    'a=rtpmap:96 opus/48000/2',
    'a=fmtp:96 sprop-stereo=1',
  );
  const plain = audio('m=audio 4000 RTP/AVP 111', 'a=rtpmap:111 OPUS/48000/2');
  const maps = payloadMaps({ ours: stereo, theirs: stereo }, { ours: plain, theirs: plain });
  assert.equal(maps.aToB, [[96, 111]]);
  assert.equal(maps.clockRatesA, [[96, 48000]]);
});

test('redundant audio goes on where the numbers inside are those that the receiver asked for', () => {
  const opusRed = (opus: number, red: number): AudioDescription =>
    audio(
      `m=audio 4000 RTP/AVP ${opus} ${red}`,
      `a=rtpmap:${opus} opus/48000/2`,
      `a=rtpmap:${red} red/48000/2`,
      `a=fmtp:${red} ${opus}/${opus}`,
    );
  // The peer sends by our numbers, 63 with 111 inside, or by its own when it is sloppy, 98 with 97 inside.
  const a = { ours: opusRed(111, 63), theirs: opusRed(97, 98) };
  const likeOurs = { ours: opusRed(111, 63), theirs: opusRed(111, 63) };
  const likeTheirs = { ours: opusRed(97, 98), theirs: opusRed(97, 98) };
  assert.equal(payloadMaps(a, likeOurs).aToB, [
    [111, 111],
    [63, 63],
    [97, 111],
  ]);
  assert.equal(payloadMaps(a, likeTheirs).aToB, [
    [111, 97],
    [97, 97],
    [98, 98],
  ]);
});

test('sides that share nothing have empty maps', () => {
  const a = audio('m=audio 4000 RTP/AVP 0');
  const b = audio('m=audio 4000 RTP/AVP 8');
  const maps = payloadMaps({ ours: a, theirs: a }, { ours: b, theirs: b });
  assert.equal([maps.aToB, maps.bToA, maps.codec], [[], [], null]);
});

test('A25 G.711 goes on as the other law where that was asked for, and not where both have the same', () => {
  const pcmu = pcmuEvents(101);
  const pcma = audio('m=audio 4000 RTP/AVP 8 96', 'a=rtpmap:96 telephone-event/8000');
  const a = { ours: pcmu, theirs: pcmu };
  const b = { ours: pcma, theirs: pcma };
  const plain = payloadMaps(a, b);
  assert.equal([plain.aToB, plain.bToA], [[[101, 96]], [[96, 101]]]);
  const converted = payloadMaps(a, b, 'converted');
  assert.equal(converted.aToB, [
    [0, 8],
    [101, 96],
  ]);
  assert.equal(converted.conversionsAToB, [[0, 'pcmuToPcma']]);
  assert.equal(converted.conversionsBToA, [[8, 'pcmaToPcmu']]);
  assert.is(converted.codec, null);
  const both = audio('m=audio 4000 RTP/AVP 0 8');
  const same = payloadMaps({ ours: both, theirs: both }, { ours: both, theirs: both }, 'converted');
  assert.equal(same.aToB, [
    [0, 0],
    [8, 8],
  ]);
  assert.equal(same.conversionsAToB, []);
});

test('a number of the peer’s own for the same law is converted too', () => {
  const ours = audio('m=audio 4000 RTP/AVP 0');
  const theirs = audio('m=audio 4000 RTP/AVP 97', 'a=rtpmap:97 PCMU/8000');
  const pcma = audio('m=audio 4000 RTP/AVP 8');
  const maps = payloadMaps({ ours, theirs }, { ours: pcma, theirs: pcma }, 'converted');
  assert.equal(maps.aToB, [
    [0, 8],
    [97, 8],
  ]);
  assert.equal(maps.conversionsAToB, [
    [0, 'pcmuToPcma'],
    [97, 'pcmuToPcma'],
  ]);
  assert.equal(maps.bToA, [[8, 97]]);
});

test.run();
