// Which way audio takes between two legs: a table of what the peers have and what their trunks say.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AudioPolicy, OfferReach, PathSide } from '../../../src/b2bua/audio-path.ts';
import {
  audioPath,
  codecsToAnswer,
  codecsToOffer,
  digitWayOf,
  mayTranscode,
} from '../../../src/b2bua/audio-path.ts';
import { seededRandom } from '../../../src/base/index.ts';
import type { AudioCodec, AudioDescription, CodecName } from '../../../src/sip/index.ts';
import { fitsBeside, isAudio, isEvents, readAudioText } from '../../../src/sip/index.ts';

const NUMBERS: Readonly<Record<CodecName, string>> = {
  PCMU: '0 PCMU/8000',
  PCMA: '8 PCMA/8000',
  G722: '9 G722/8000',
  opus: '111 opus/48000/2',
  'telephone-event': '101 telephone-event/8000',
  CN: '13 CN/8000',
  red: '104 red/8000',
};
const ALL: readonly CodecName[] = ['opus', 'G722', 'PCMA', 'PCMU', 'telephone-event'];
const BESIDE: readonly CodecName[] = ['CN', 'red'];

function described(names: readonly CodecName[]): AudioDescription {
  const formats = names.map((name) => NUMBERS[name].split(' ')[0]).join(' ');
  const lines = [...names.map((name) => `a=rtpmap:${NUMBERS[name]}`), 'a=fmtp:104 0/0'];
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'];
  const read = readAudioText(
    [...head, `m=audio 4000 RTP/AVP ${formats}`, ...lines, ''].join('\r\n'),
  );
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

const codecs = (names: readonly CodecName[]): readonly AudioCodec[] =>
  described([...names, 'PCMU']).codecs.filter(({ name }) => names.includes(name));

const policy = (fields: Partial<AudioPolicy> = {}): AudioPolicy => ({
  codecs: ALL,
  transcode: 'when_needed',
  dtmf: 'auto',
  comfortNoise: 'off',
  redundancy: 'off',
  ptimeMs: 20,
  ...fields,
});

const side = (
  names: readonly CodecName[],
  fields: Partial<AudioPolicy> = {},
  times: Partial<Pick<PathSide, 'ptimeMs' | 'maxptimeMs'>> = {},
): PathSide => ({
  policy: policy(fields),
  codecs: codecs(names),
  sent: codecs(names),
  ptimeMs: null,
  maxptimeMs: null,
  ...times,
});

/** A side with redundant Opus: what it may be sent by these numbers, and what it sends by those. */
function withRedundantOpus(
  heard: readonly [number, number],
  sent: readonly [number, number],
): PathSide {
  const numbered = ([opus, red]: readonly [number, number]): readonly AudioCodec[] => [
    { name: 'opus', payloadType: opus, clockRateHz: 48_000, channels: 2, fmtp: null },
    { name: 'red', payloadType: red, clockRateHz: 48_000, channels: 2, fmtp: 'opus/opus' },
  ];
  return { ...side([]), codecs: numbered(heard), sent: numbered(sent) };
}

const never = { transcode: 'never' } as const;
const always = { transcode: 'always' } as const;

for (const [what, x, y, path] of [
  ['a shared codec goes through', side(['PCMU']), side(['PCMU']), 'asItIs'],
  [
    'all shared codecs go through, in whatever order',
    side(['PCMA', 'PCMU']),
    side(['PCMU', 'PCMA']),
    'asItIs',
  ],
  [
    'a shared codec beside one that the other side lacks is decoded',
    side(['PCMU']),
    side(['PCMU', 'G722']),
    'decoded',
  ],
  [
    'unless never: then the shared one alone was offered',
    side(['PCMU'], never),
    side(['PCMU', 'G722']),
    'asItIs',
  ],
  [
    'a shared law beside the other law is converted where it has to be',
    side(['PCMA']),
    side(['PCMU', 'PCMA']),
    'lawChanged',
  ],
  ['the other law is converted', side(['PCMU']), side(['PCMA']), 'lawChanged'],
  [
    'a side that could send what the other has no law for is decoded',
    side(['opus', 'PCMU']),
    side(['PCMA']),
    'decoded',
  ],
  ['nothing shared is decoded', side(['opus']), side(['PCMA']), 'decoded'],
  ['nothing shared and never is no path', side(['opus'], never), side(['PCMA']), null],
  ['nor is the other law', side(['PCMU']), side(['PCMA'], never), null],
  ['comfort noise of both goes through', side(['PCMU', 'CN']), side(['PCMU', 'CN']), 'asItIs'],
  ['that of one is decoded', side(['PCMU', 'CN']), side(['PCMU']), 'decoded'],
  ['it is the same in either law', side(['PCMU', 'CN']), side(['PCMA', 'CN']), 'lawChanged'],
  ['redundant audio of both goes through', side(['PCMU', 'red']), side(['PCMU', 'red']), 'asItIs'],
  ['that of one is decoded, too', side(['PCMU', 'red']), side(['PCMU']), 'decoded'],
  [
    'nobody turns what is inside into the other law',
    side(['PCMU', 'PCMA', 'red']),
    side(['PCMA', 'PCMU', 'red']),
    'asItIs',
  ],
  ['unless', side(['PCMU', 'red']), side(['PCMA']), 'decoded'],
  [
    'what is inside counts by the numbers that it comes with',
    withRedundantOpus([97, 98], [111, 63]),
    withRedundantOpus([97, 98], [97, 98]),
    'decoded',
  ],
  [
    'and goes through where those are what the other side wants',
    withRedundantOpus([97, 98], [111, 63]),
    withRedundantOpus([111, 63], [97, 98]),
    'asItIs',
  ],
  ['always decodes', side(['PCMU']), side(['PCMU'], always), 'decoded'],
  ['never wins over always', side(['PCMU'], never), side(['PCMU'], always), 'asItIs'],
  ['a side without audio has no path', side(['PCMU']), side([]), null],
  [
    'packets that are too long are cut',
    side(['PCMU'], {}, { ptimeMs: 60 }),
    side(['PCMU'], {}, { maxptimeMs: 40 }),
    'decoded',
  ],
  [
    'unless never',
    side(['PCMU'], never, { ptimeMs: 60 }),
    side(['PCMU'], {}, { maxptimeMs: 40 }),
    'asItIs',
  ],
  ['auto agrees by itself', side(['PCMU', 'telephone-event']), side(['PCMU']), 'asItIs'],
  [
    'a way to say digits that is set is kept to',
    side(['PCMU', 'telephone-event']),
    side(['PCMU'], { dtmf: 'inband' }),
    'decoded',
  ],
  [
    'two that are set alike are left alone',
    side(['PCMU'], { dtmf: 'info' }),
    side(['PCMU'], { dtmf: 'info' }),
    'asItIs',
  ],
] as const) {
  test(`${what}, whichever side it is on`, () => {
    assert.is(audioPath(x, y), path);
    assert.is(audioPath(y, x), path);
  });
}

test('the way to say digits is the trunk’s, else what was agreed', () => {
  const events: readonly CodecName[] = ['PCMU', 'telephone-event'];
  assert.is(digitWayOf(side(events)), 'event');
  assert.is(digitWayOf(side(['PCMU'])), 'tone');
  assert.is(digitWayOf(side(['PCMU'], { dtmf: 'rfc4733' })), 'tone');
  assert.is(digitWayOf(side(events, { dtmf: 'inband' })), 'tone');
  assert.is(digitWayOf(side(events, { dtmf: 'info' })), 'info');
});

test('an offerer without any codec of its trunk is offered nowhere', () => {
  const offer = described(['G722']);
  const policies = { from: policy({ codecs: ['PCMU'] }), to: policy() };
  const lists = codecsToOffer(offer, policies, 'all');
  assert.equal(lists.addedCodecs, []);
  assert.equal(lists.allowedCodecs, ['PCMU']);
});

// Any two sides with any trunks: whatever is answered leads to the path it was chosen for, so that the orders to the engine,
// which see only what was agreed, fit the answer.
test('what is answered and what follows from it agree, over random sides', () => {
  const random = seededRandom(7);
  const one = <T>(list: readonly [T, ...T[]]): T =>
    list[Math.floor(random.draw() * list.length)] ?? list[0];
  const some = (): readonly CodecName[] => {
    const drawn = [...ALL, ...BESIDE].filter(() => random.draw() < 0.5);
    const hasAudio = drawn.some((name) => name !== 'telephone-event' && !BESIDE.includes(name));
    return hasAudio ? drawn : ['PCMU', ...drawn];
  };
  const anyPolicy = (): AudioPolicy =>
    policy({
      codecs: some().filter((name) => !BESIDE.includes(name)),
      transcode: one(['always', 'when_needed', 'never']),
      dtmf: one(['auto', 'rfc4733', 'info', 'inband']),
      comfortNoise: one(['off', 'on']),
      redundancy: one(['off', 'on']),
    });
  let answered = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const [offerer, answerer] = [anyPolicy(), anyPolicy()];
    const offer = described(some());
    const reach = one<OfferReach>(['shared', 'all']);
    const policies = { from: offerer, to: answerer };
    const { allowedCodecs, addedCodecs } = codecsToOffer(offer, policies, reach);
    const passed = offer.codecs.filter(({ name }) => allowedCodecs.includes(name));
    const own = codecs(addedCodecs).filter(
      ({ name }) => !passed.some((codec) => codec.name === name),
    );
    // As anchoredOffer does, and as an answerer would: redundancy only of what is there.
    const sound = (list: readonly AudioCodec[]): readonly AudioCodec[] =>
      list.filter((codec) => isAudio(codec) || isEvents(codec) || fitsBeside(codec, list));
    const sent = { ...offer, codecs: sound([...passed, ...own]) };
    if (!sent.codecs.some(isAudio)) continue;
    const has = some();
    const taken = sent.codecs.filter(({ name }) => has.includes(name));
    const farAnswer = { ...offer, codecs: sound(taken) };
    if (!farAnswer.codecs.some(isAudio)) continue;
    const exchange = { offer, sent, farAnswer, offerer, answerer };
    const { codecs: chosen } = codecsToAnswer(exchange);
    if (!chosen.some(isAudio)) {
      const shared = farAnswer.codecs.some(
        (codec) =>
          isAudio(codec) &&
          offerer.codecs.includes(codec.name) &&
          passed.some(({ name }) => name === codec.name),
      );
      assert.is(shared, false, 'a shared codec is never refused');
      assert.ok([offerer, answerer].some(({ transcode }) => transcode === 'never'));
      continue;
    }
    answered += 1;
    const agreed = offer.codecs.filter(({ name }) => chosen.some((codec) => codec.name === name));
    assert.is(agreed.length, chosen.length, 'only what was offered is answered');
    const { comfortNoise, redundancy } = offerer;
    const names = [
      ...offerer.codecs,
      ...(comfortNoise === 'on' ? ['CN'] : []),
      ...(redundancy === 'on' ? ['red'] : []),
    ];
    assert.ok(chosen.every(({ name }) => names.includes(name)));
    const times = { ptimeMs: null, maxptimeMs: null };
    const x = { policy: offerer, codecs: agreed, sent: agreed, ...times };
    const y = { policy: answerer, codecs: farAnswer.codecs, sent: sent.codecs, ...times };
    const path = audioPath(x, y);
    assert.is.not(path, null);
    if (reach === 'shared' && passed.some(isAudio)) {
      // Whoever takes something of what was offered needs no decoding, but where a trunk asks for it.
      const isAsked =
        [offerer, answerer].some(({ transcode }) => transcode === 'always') ||
        digitWayOf(x) !== digitWayOf(y);
      if (!isAsked) assert.is(path, 'asItIs');
    }
    if (path === 'decoded') continue;
    if (path === 'lawChanged' || mayTranscode(offerer, answerer)) {
      // Whatever the far side may send has its place at the offerer.
      const laws: Partial<Record<CodecName, CodecName>> = { PCMU: 'PCMA', PCMA: 'PCMU' };
      for (const { name } of farAnswer.codecs.filter(isAudio)) {
        const fits = agreed.some((codec) => codec.name === name || codec.name === laws[name]);
        assert.ok(fits, `${name} has no place`);
      }
    }
    // What goes through must be understood at the other end, but for events that the engine turns into INFO.
    for (const { name } of farAnswer.codecs.filter(
      (codec) => !isEvents(codec) && !isAudio(codec),
    )) {
      if (mayTranscode(offerer, answerer)) assert.ok(agreed.some((codec) => codec.name === name));
    }
    const strangers = chosen.filter(
      ({ name }) => !farAnswer.codecs.some((codec) => codec.name === name),
    );
    const heard = strangers.filter((codec) => !isAudio(codec));
    if (path === 'asItIs') assert.is(strangers.length, heard.length);
    if (heard.length > 0) assert.is(answerer.dtmf, 'info');
  }
  assert.ok(answered > 5_000, `${answered}`);
});

test.run();
