// Where values come from: a YAML text with places, or a JSON value without. The reader sees both the same way.
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { SyntaxProblem } from './yaml-problems.ts';
import { syntaxProblems } from './yaml-problems.ts';

/** 1-based; 0 when there is no text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export const NO_PLACE: Place = { line: 0, column: 0 };

/** One level of a value; what lies below is looked at only as deep as the schema goes. */
export type View =
  | {
      readonly kind: 'scalar';
      readonly value: unknown;
      /** As written, when it was a plain (unquoted) YAML scalar: `0044` is the number 44 but was meant as digits. */
      readonly plainText: string | null;
    }
  | { readonly kind: 'list'; readonly items: readonly Handle[] }
  | { readonly kind: 'map'; readonly entries: readonly MapEntry[] };

export interface MapEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Handle;
}

/** Opaque outside its source. */
export type Handle = { readonly of: unknown };

export interface Source {
  readonly root: Handle;
  view(handle: Handle): View;
  placeOf(handle: Handle): Place;
}

/** Reads YAML 1.2. @returns the source, and what is wrong with the text: then only the problems are to be used. */
export function yamlSource(text: string): {
  readonly source: Source;
  readonly problems: readonly SyntaxProblem[];
} {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = syntaxProblems({ text, doc, lines });
  return { source: new YamlSource(doc, placeAt), problems };
}

class YamlSource implements Source {
  readonly root: Handle;
  readonly #doc: Document.Parsed;
  readonly #placeAt: (offset: number) => Place;

  constructor(doc: Document.Parsed, placeAt: (offset: number) => Place) {
    this.#doc = doc;
    this.#placeAt = placeAt;
    this.root = { of: doc.contents };
  }

  view(handle: Handle): View {
    const node = this.#resolved(handle);
    if (isMap(node)) {
      const entries = node.items.map((pair) => ({
        key: isScalar(pair.key) ? String(pair.key.value) : String(pair.key),
        keyPlace: this.placeOf({ of: pair.key }),
        value: { of: pair.value },
      }));
      return { kind: 'map', entries };
    }
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => ({ of: item })) };
    if (!isScalar(node)) return { kind: 'scalar', value: null, plainText: null };
    const plainText = node.type === 'PLAIN' && typeof node.source === 'string' ? node.source : null;
    return { kind: 'scalar', value: node.value, plainText };
  }

  placeOf(handle: Handle): Place {
    const range = isNode(handle.of) ? handle.of.range : null;
    return range === undefined || range === null ? NO_PLACE : this.#placeAt(range[0]);
  }

  #resolved(handle: Handle): unknown {
    return isAlias(handle.of) ? handle.of.resolve(this.#doc) : handle.of;
  }
}

/** A value that came as JSON: no places, nothing to resolve. */
export function jsonSource(value: unknown): Source {
  return {
    root: { of: value },
    placeOf: () => NO_PLACE,
    view: ({ of }) => {
      if (Array.isArray(of))
        return { kind: 'list', items: of.map((item: unknown) => ({ of: item })) };
      if (typeof of !== 'object' || of === null)
        return { kind: 'scalar', value: of, plainText: null };
      const entries = Object.entries(of).map(([key, below]: [string, unknown]) => ({
        key,
        keyPlace: NO_PLACE,
        value: { of: below },
      }));
      return { kind: 'map', entries };
    },
  };
}
