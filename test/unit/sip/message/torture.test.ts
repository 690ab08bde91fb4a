// Every message under test/golden/sip through guard and parser: one verdict each, as manifest.json has it.
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERRORS } from '../../../../src/base/index.ts';
import type { TransportKind } from '../../../../src/base/index.ts';
import {
  StreamFramer,
  indexMessage,
  parseMessage,
  writeResponse,
} from '../../../../src/sip/message/index.ts';

interface Case {
  readonly file: string;
  readonly clause: string;
  readonly verdict: 'ok' | 'reject' | 'drop';
  readonly status?: number;
  readonly transport?: TransportKind;
}

const folder = new URL('../../../golden/sip/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as {
  readonly cases: readonly Case[];
};
const source = { host: '198.51.100.7', port: 5062 };

for (const { file, clause, verdict, status, transport } of manifest.cases) {
  test(`${file} (${clause}) is ${verdict}${status === undefined ? '' : ` with ${status}`}`, () => {
    const bytes = readFileSync(new URL(file, folder));
    const result = indexMessage(bytes, transport ?? 'udp');
    assert.is(result.verdict, verdict, result.verdict === 'ok' ? 'ok' : result.error.message);
    if (result.verdict === 'ok') {
      const parsed = parseMessage(result.index);
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
    }
    if (result.verdict === 'reject') {
      assert.is(ERRORS[result.error.code].sip, status);
      const answer = {
        status: status ?? 400,
        reason: result.error.message,
        toTag: 't',
        headers: [],
        body: null,
      };
      const written = indexMessage(writeResponse(result.index, answer, source), 'udp');
      // The answer copies broken headers as they are, so it may be broken itself, but it is one whole message.
      assert.ok(written.verdict === 'ok' || !written.error.message.includes('empty line'));
    }
  });

  test(`${file} over a stream is never read differently, and ends the stream when its length can't be trusted`, () => {
    const bytes = readFileSync(new URL(file, folder));
    const framed = new StreamFramer({ messageBytesMax: 65_536 }).push(bytes);
    for (const output of framed) {
      if (output.kind !== 'message') continue;
      const result = indexMessage(output.bytes, 'tcp');
      if (result.verdict === 'drop') continue;
      assert.is(result.index.contentLength, result.index.body.length);
      assert.is(
        output.bytes.length,
        output.bytes.indexOf('\r\n\r\n') + 4 + result.index.body.length,
      );
    }
  });
}

test('every message file stands in the manifest', () => {
  const listed = new Set(manifest.cases.map((item) => item.file));
  for (const name of ['rfc4475', 'rfc5118', 'attacks', 'smuggling']) {
    for (const file of readdirSync(new URL(`${name}/`, folder)))
      assert.ok(listed.has(`${name}/${file}`), file);
  }
});

test('all 49 messages of RFC 4475 are there', () => {
  assert.is(manifest.cases.filter((item) => item.file.startsWith('rfc4475/')).length, 49);
});

test.run();
