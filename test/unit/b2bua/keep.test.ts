// Copies that a standing call keeps say the same as what they were made from, and share what can be shared.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keptDescription } from '../../../src/b2bua/keep.ts';
import { detached, readAudioText } from '../../../src/sip/index.ts';
import type { AudioDescription } from '../../../src/sip/index.ts';
import { EVENTS, PCMA, PCMU, sdpOf } from '../../support/sip-messages.ts';

function described(text: string): AudioDescription {
  const read = readAudioText(Buffer.from(text));
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

test('a detached text equals the text, beyond latin1 too', () => {
  for (const text of ['', 'sip:alice@192.0.2.1', 'Zoë', 'Čapek 北京'])
    assert.is(detached(text), text);
});

test('a kept description equals the description', () => {
  for (const text of [
    sdpOf(),
    sdpOf({ direction: 'sendonly' }),
    sdpOf({ port: 0 }),
    sdpOf({ host: '0.0.0.0' }),
    sdpOf({ codecs: [PCMA, PCMU, EVENTS] }),
  ]) {
    const description = described(text);
    assert.equal(keptDescription(description), description);
  }
});

test('descriptions of different calls share their codecs when they are the same in the same order', () => {
  const one = keptDescription(described(sdpOf({ port: 4_000, codecs: [PCMU, PCMA] })));
  const two = keptDescription(described(sdpOf({ port: 5_000, codecs: [PCMU, PCMA] })));
  const other = keptDescription(described(sdpOf({ port: 5_000, codecs: [PCMA, PCMU] })));
  assert.is(one.codecs, two.codecs);
  assert.is(one.lines, two.lines);
  assert.is.not(one.codecs, other.codecs);
  assert.is.not(one.remoteRtp, two.remoteRtp);
});

test.run();
