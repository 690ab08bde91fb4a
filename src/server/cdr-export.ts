// `cdr export`: call records of the running engine to a file or to standard output, as they come, at any length.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import type { CdrExportOptions, Terminal } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { Settings } from '../config/index.ts';
import { ask, askJson, engineUrl, problemOf } from './engine-http.ts';

const CdrPage = Type.Object({
  cdrs: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
});
type CdrPage = Static<typeof CdrPage>;

const PAGE_ROWS = '1000';
/** An output with phone numbers in it is its owner's only. */
const FILE_MODE = 0o600;

/** Writes all records asked for. @returns 69 when no engine answers or it breaks off, 1 when writing fails. */
export async function exportCdrs(
  settings: Settings,
  options: CdrExportOptions,
  terminal: Terminal,
): Promise<number> {
  const base = engineUrl(settings, options.url);
  const chunks =
    options.format === 'csv'
      ? await csvChunks(base, options, terminal)
      : await jsonChunks(base, options, terminal);
  if (chunks === null) return EXIT.unavailable;
  const { output } = options;
  try {
    const to = output === null ? process.stdout : createWriteStream(output, { mode: FILE_MODE });
    await pipeline(markingBreaks(chunks), to, { end: output !== null });
    return EXIT.ok;
  } catch (error) {
    // Whoever reads our output has seen enough (`| head`).
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return EXIT.ok;
    const brokenOff = error instanceof BrokenOff;
    const what = brokenOff ? 'the engine broke the export off' : 'can’t write the records';
    terminal.complain(`${what}, ${output ?? 'the output'} is not whole: ${problemOf(error)}`);
    return brokenOff ? EXIT.unavailable : EXIT.failed;
  }
}

/** Reading and writing fail in one pipeline; this is the engine's part of it. */
class BrokenOff extends Error {}

async function* markingBreaks<T>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* chunks;
  } catch (error) {
    throw new BrokenOff(problemOf(error));
  }
}

function pathOf({ from, to, trunk }: CdrExportOptions, more: Record<string, string>): string {
  const query = new URLSearchParams(more);
  if (from !== null) query.set('from', new Date(from).toISOString());
  if (to !== null) query.set('to', new Date(to).toISOString());
  if (trunk !== null) query.set('trunk', trunk);
  return `/v1/cdrs?${query.toString()}`;
}

/** Without `limit` the engine streams every row, as fast as we take them. */
async function csvChunks(
  base: string | null,
  options: CdrExportOptions,
  terminal: Terminal,
): Promise<AsyncIterable<string | Uint8Array> | null> {
  const response = await ask(base, pathOf(options, { format: 'csv' }), terminal);
  if (response === null) return null;
  return response.body === null ? Readable.from([]) : response.body;
}

/** One array, a record a line. The first page is there before anything is written. */
async function jsonChunks(
  base: string | null,
  options: CdrExportOptions,
  terminal: Terminal,
): Promise<AsyncIterable<string> | null> {
  const pageAt = (cursor: string | null): Promise<CdrPage | null> => {
    const query = { limit: PAGE_ROWS, ...(cursor === null ? {} : { cursor }) };
    return askJson(base, pathOf(options, query), { shape: CdrPage, terminal });
  };
  const first = await pageAt(null);
  if (first === null) return null;
  return (async function* (): AsyncGenerator<string> {
    let separator = '[\n';
    for (let page: CdrPage = first; ;) {
      for (const cdr of page.cdrs) {
        yield `${separator}${JSON.stringify(cdr)}`;
        separator = ',\n';
      }
      if (page.next_cursor === null) break;
      const next = await pageAt(page.next_cursor);
      if (next === null) throw new Error('a page is missing');
      page = next;
    }
    yield separator === ',\n' ? '\n]\n' : '[]\n';
  })();
}
