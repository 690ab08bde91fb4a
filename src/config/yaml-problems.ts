// What is wrong with a text as YAML: the commonest mistakes in our words, since the library's speak of its own functions or leave
// out what is meant, each with the key that it stands at.
import { isMap, isNode, isScalar, visit } from 'yaml';
import type { Document, LineCounter, YAMLParseError } from 'yaml';
import type { Place } from './source.ts';

/** A problem of the YAML itself. */
export interface SyntaxProblem {
  readonly place: Place;
  /** The key nearest to it; empty when none is near. */
  readonly key: string;
  readonly problem: string;
}

/** An error or a warning of the library, as far as it is used. */
type Issue = Pick<YAMLParseError, 'code' | 'message' | 'pos'>;

interface Text {
  readonly text: string;
  readonly doc: Document.Parsed;
  readonly lines: LineCounter;
}

const OUR_WORDS: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  MULTIPLE_DOCS: 'a second document begins here; a configuration is one document',
  TAB_AS_INDENT: 'a tab indents this line; YAML takes spaces only',
  BLOCK_IN_FLOW: 'a comma or a closing bracket is missing in front of this',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon stands in this line; a value with one needs quotes',
  BAD_INDENT: 'is not indented as what stands beside it',
  MULTILINE_IMPLICIT_KEY: 'no colon and space follow what stands here',
};

/** Everything wrong with a text, in the order of the library. */
export function syntaxProblems(read: Text): readonly SyntaxProblem[] {
  return [...read.doc.errors, ...read.doc.warnings].map((issue) => problemOf(issue, read));
}

function problemOf(issue: Issue, read: Text): SyntaxProblem {
  const { code, message } = issue;
  const at = placeOf(issue, read);
  const { line, col } = read.lines.linePos(at);
  const missing = /(?:end with a |Missing closing )([\]}"'])/.exec(message)?.[1];
  return {
    place: { line, column: col },
    // What the library takes for a key of its own is part of the value in front of it.
    key: keyAt(read, code === 'BLOCK_AS_IMPLICIT_KEY' ? at - 1 : at),
    problem:
      missing === undefined
        ? sentenceOf(issue, () => firstTime(read, at))
        : `a closing ${missing} is missing`,
  };
}

function sentenceOf({ code, message }: Issue, firstPlace: () => string): string {
  if (code === 'DUPLICATE_KEY') return `stands here for the second time${firstPlace()}`;
  return OUR_WORDS[code] ?? message.replace(/\s+/g, ' ').trim();
}

/** An open quote shows at the end of the text, but the mistake is where it began. */
function placeOf({ code, message, pos }: Issue, { doc }: Text): number {
  let at = pos[0];
  if (code !== 'MISSING_CHAR' || !message.includes('quote')) return at;
  visit(doc, {
    Scalar: (_, { type, range }) => {
      const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (quoted && range !== null && range !== undefined && range[2] >= pos[0]) at = range[0];
    },
  });
  return at;
}

/** Where the key that is repeated at an offset stood first, as a clause; empty when that can't be found. */
function firstTime({ doc, lines }: Text, at: number): string {
  let clause = '';
  visit(doc, {
    Map: (_, map) => {
      if (!isMap(map)) return;
      const keys = map.items.flatMap(({ key }) => (isScalar(key) && isNode(key) ? [key] : []));
      const repeated = keys.find(({ range }) => range?.[0] === at);
      const first = keys.find(({ value }) => value === repeated?.value);
      if (repeated === undefined || first?.range === null || first?.range === undefined) return;
      clause = `; the first is in line ${lines.linePos(first.range[0]).line}`;
    },
  });
  return clause;
}

const KEY = /(?<=^|[\s{,[])["']?([A-Za-z_][\w-]{0,63})["']?\s*:(?=\s|$)/g;

/** The last key of the line up to an offset, else the line's first, else the last one above. */
function keyAt({ text }: Text, at: number): string {
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const lineEnd = text.indexOf('\n', at);
  const line = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd);
  const here = [...line.matchAll(KEY)];
  const before = here.findLast(({ index }) => lineStart + index <= at);
  const above = (): RegExpExecArray | undefined =>
    [...text.slice(Math.max(0, lineStart - LOOK_BACK_CHARS), lineStart).matchAll(KEY)].at(-1);
  return (before ?? here[0] ?? above())?.[1] ?? '';
}

/** A file of four megabytes may be wrong in many places. */
const LOOK_BACK_CHARS = 2_000;
