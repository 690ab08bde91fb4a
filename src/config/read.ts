// Reads a source by the schema: types, ranges, forms, defaults, unknown keys. Goes on after each error, so that one
// run reports them all; what is broken beyond its own default is left out of the result.
import type { TObject, TSchema } from '@sinclair/typebox';
import { KindGuard } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { allowedText, formOf, nonNullPart, textOrMapOf, wordsOf } from './describe.ts';
import type { ConfigFinding } from './finding.ts';
import { nearestKey } from './nearest-key.ts';
import type { Outside } from './secrets.ts';
import { expandEnv, readSecret } from './secrets.ts';
import type { Handle, Place, Source, View } from './source.ts';
import { NO_PLACE } from './source.ts';

/** Steps from the root to a setting. */
export type Path = readonly (string | number)[];

/** `trunks[0].gateways[1].uri` */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path)
    text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
  return text;
}

const BROKEN = Symbol('broken');
type Read = unknown;

interface Problem {
  readonly path: Path;
  readonly value: string | null;
  readonly problem: string;
  readonly allowed: string | null;
  readonly place: Place;
}

/** A setting being read: its schema and where it stands. `secret` is inherited by what the schema wraps. */
interface Spot {
  readonly schema: TSchema;
  readonly handle: Handle;
  readonly path: Path;
}

export interface ReaderInputs {
  /** Shown in findings. */
  readonly file: string;
  readonly source: Source;
  /** Null when `${NAME}` and `{file: …}` must not be followed: bodies that came over the network. */
  readonly outside: Outside | null;
}

export class SchemaReader {
  readonly findings: ConfigFinding[] = [];
  readonly #file: string;
  readonly #source: Source;
  readonly #outside: Outside | null;
  readonly #places = new Map<string, Place>();
  readonly #paths = new WeakMap<object, Path>();
  /** For each list that was read: where its entries stood before broken ones were left out. */
  readonly #indices = new WeakMap<object, readonly number[]>();

  constructor({ file, source, outside }: ReaderInputs) {
    this.#file = file;
    this.#source = source;
    this.#outside = outside;
  }

  /** Reads the whole source. @returns null when nothing usable is left; `findings` tells why. */
  read(schema: TSchema): unknown {
    const root = this.#read({ schema, handle: this.#source.root, path: [] });
    return root === BROKEN ? null : root;
  }

  /** Where a map or list that `read` returned stands in the source; the root for anything else. */
  pathOf(value: object): Path {
    return this.#paths.get(value) ?? [];
  }

  /** Where an entry of a list that `read` returned stands in the source. */
  itemPathOf(list: readonly unknown[], index: number): Path {
    return [...this.pathOf(list), this.#indices.get(list)?.[index] ?? index];
  }

  /** Whether nothing at or below the path was found to be an error so far. */
  isSound(path: Path): boolean {
    const key = pathText(path);
    const below = (other: string): boolean =>
      other === key || other.startsWith(`${key}.`) || other.startsWith(`${key}[`);
    return !this.findings.some((finding) => finding.severity === 'error' && below(finding.key));
  }

  /** Where a setting that was read stands; null for one that isn't written. */
  placeOf(key: string): Place | null {
    const place = this.#places.get(key) ?? NO_PLACE;
    return place.line === 0 ? null : place;
  }

  /** Reports about a setting after reading: the nearest written setting gives the place. */
  report(severity: ConfigFinding['severity'], finding: Omit<Problem, 'place'>): void {
    this.#add(severity, { ...finding, place: this.#placeOfPath(finding.path) });
  }

  #add(
    severity: ConfigFinding['severity'],
    { path, value, problem, allowed, place }: Problem,
  ): void {
    this.findings.push({
      severity,
      file: this.#file,
      ...place,
      key: pathText(path),
      value,
      problem,
      allowed,
    });
  }

  #placeOfPath(path: Path): Place {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.#places.get(pathText(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return NO_PLACE;
  }

  #read(spot: Spot): Read {
    const { schema, handle, path } = spot;
    const own = this.#source.placeOf(handle);
    // An empty value has no place of its own; its key's, noted before, is as good.
    if (own !== NO_PLACE || !this.#places.has(pathText(path)))
      this.#places.set(pathText(path), own);
    const view = this.#source.view(handle);
    const optional = nonNullPart(schema);
    if (optional !== null) {
      if (view.kind === 'scalar' && view.value === null) return null;
      return this.#read({ ...spot, schema: optional });
    }
    const either = textOrMapOf(schema);
    if (either !== null)
      return this.#read({ ...spot, schema: view.kind === 'map' ? either.map : either.text });
    if (KindGuard.IsObject(schema)) return this.#readMap(spot, { schema, view });
    if (KindGuard.IsArray(schema)) return this.#readList(spot, view);
    return this.#readLeaf(spot, view);
  }

  #readMap(spot: Spot, { schema, view }: { readonly schema: TObject; readonly view: View }): Read {
    if (view.kind !== 'map') return this.#refuse(spot, view, emptyOr(view, 'is not a map'));
    const result: Record<string, unknown> = {};
    this.#paths.set(result, spot.path);
    const known = Object.keys(schema.properties);
    const entries = new Map<string, Handle>();
    for (const { key, keyPlace, value } of view.entries) {
      if (known.includes(key)) {
        entries.set(key, value);
        this.#places.set(pathText([...spot.path, key]), keyPlace);
      } else this.#refuseKey([...spot.path, key], { known, place: keyPlace });
    }
    let broken = false;
    for (const key of known) {
      const child = schema.properties[key];
      if (child === undefined) continue;
      const value = this.#readProperty(child, {
        handle: entries.get(key) ?? null,
        path: [...spot.path, key],
      });
      if (value === BROKEN) broken = true;
      else if (value !== undefined) result[key] = value;
    }
    return broken ? BROKEN : result;
  }

  #readProperty(
    schema: TSchema,
    { handle, path }: { readonly handle: Handle | null; readonly path: Path },
  ): Read {
    if (handle !== null) {
      const value = this.#read({ schema, handle, path });
      return value === BROKEN && schema.default !== undefined
        ? this.#ofDefault(schema, path)
        : value;
    }
    if (schema.default !== undefined) return this.#ofDefault(schema, path);
    if (KindGuard.IsOptional(schema)) return undefined;
    if (KindGuard.IsObject(schema))
      return this.#readMap({ schema, handle: NOTHING, path }, { schema, view: EMPTY_MAP });
    const place = this.#placeOfPath(path);
    this.#add('error', {
      path,
      value: null,
      problem: 'is missing',
      allowed: allowedText(schema),
      place,
    });
    return BROKEN;
  }

  #ofDefault(schema: TSchema, path: Path): unknown {
    const value: unknown = structuredClone(schema.default);
    if (typeof value === 'object' && value !== null) this.#paths.set(value, path);
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        if (typeof item === 'object' && item !== null)
          this.#paths.set(item as object, [...path, index]);
      }
    }
    return value;
  }

  #readList(spot: Spot, view: View): Read {
    const { schema, path } = spot;
    if (view.kind !== 'list') return this.#refuse(spot, view, emptyOr(view, 'is not a list'));
    const countMin = schema['minItems'] === undefined ? 0 : Number(schema['minItems']);
    const countMax =
      schema['maxItems'] === undefined ? Number.POSITIVE_INFINITY : Number(schema['maxItems']);
    if (view.items.length < countMin) return this.#refuse(spot, view, 'has too few entries');
    if (view.items.length > countMax)
      return this.#refuse(spot, view, `has ${view.items.length} entries, too many`);
    const result: unknown[] = [];
    const indices: number[] = [];
    this.#paths.set(result, path);
    this.#indices.set(result, indices);
    const seen = new Set<unknown>();
    for (const [index, handle] of view.items.entries()) {
      const item: Spot = { schema: schema['items'] as TSchema, handle, path: [...path, index] };
      const value = this.#read(item);
      if (value === BROKEN) continue;
      if (schema['uniqueItems'] === true && seen.has(value)) {
        this.#refuse(item, this.#source.view(handle), 'is there already');
        continue;
      }
      seen.add(value);
      indices.push(index);
      result.push(value);
    }
    return result;
  }

  #readLeaf(spot: Spot, view: View): Read {
    const { schema, path } = spot;
    const value = this.#leafValue(spot, view);
    if (value === BROKEN) return BROKEN;
    if (!Value.Check(schema, value)) return this.#refuse(spot, view, leafProblem(schema, value));
    const read = formOf(schema)?.read(String(value));
    if (read === undefined || read.ok) {
      if (value !== '' || schema['secret'] !== true) return value;
      return this.#refuse(spot, view, 'is empty');
    }
    const place = this.#placeOfPath(path);
    this.#add('error', {
      path,
      value: shown(schema, view),
      problem: read.problem,
      allowed: allowedText(schema),
      place,
    });
    return BROKEN;
  }

  /** The value a leaf stands for, with what it refers to put in. */
  #leafValue(spot: Spot, view: View): Read {
    const { schema } = spot;
    const isText = KindGuard.IsString(schema) || wordsOf(schema) !== null;
    if (view.kind === 'map' && schema['secret'] === true && this.#outside !== null)
      return this.#secretFile(spot, view);
    if (view.kind !== 'scalar')
      return this.#refuse(spot, view, isText ? 'is not a text' : 'is not a whole number');
    if (typeof view.value === 'string') return this.#expanded(spot, view, view.value);
    // Digits without quotes are a number in YAML; what was written is what is meant, leading zeros too.
    if (isText && typeof view.value === 'number' && view.plainText !== null) return view.plainText;
    return view.value;
  }

  #expanded(spot: Spot, view: View, text: string): Read {
    if (this.#outside === null || !text.includes('${')) return text;
    const expanded = expandEnv(text, this.#outside.env);
    if (!expanded.ok) {
      const names = expanded.error.join(', ');
      return this.#refuse(spot, view, `the environment variable ${names} is not set`);
    }
    // Looked at in what was written: a value out of the environment may hold what it likes.
    if (/(?<!\$)\$\{(?![A-Za-z_][A-Za-z0-9_]*\})/.test(text)) {
      return this.#refuse(
        spot,
        view,
        'has a ${ without a name and }; write $${ for the text itself',
      );
    }
    return KindGuard.IsInteger(spot.schema) && /^-?\d+$/.test(expanded.value)
      ? Number(expanded.value)
      : expanded.value;
  }

  #secretFile(spot: Spot, view: Extract<View, { kind: 'map' }>): Read {
    const [entry] = view.entries;
    const inner = entry === undefined ? null : this.#source.view(entry.value);
    const path = inner?.kind === 'scalar' && typeof inner.value === 'string' ? inner.value : null;
    if (
      this.#outside === null ||
      view.entries.length !== 1 ||
      entry?.key !== 'file' ||
      path === null
    ) {
      return this.#refuse(spot, view, 'is neither a text nor {file: PATH}');
    }
    const secret = readSecret(path, this.#outside.readFile);
    const place = this.#placeOfPath(spot.path);
    if (!secret.ok) {
      this.#add('error', {
        path: spot.path,
        value: path,
        problem: secret.error,
        allowed: null,
        place,
      });
      return BROKEN;
    }
    if (secret.value.warning !== null) {
      const allowed = 'mode 0600 or stricter';
      this.#add('warning', {
        path: spot.path,
        value: path,
        problem: secret.value.warning,
        allowed,
        place,
      });
    }
    return secret.value.secret;
  }

  #refuse({ schema, handle, path }: Spot, view: View, problem: string): typeof BROKEN {
    const own = this.#source.placeOf(handle);
    const place = own === NO_PLACE ? this.#placeOfPath(path) : own;
    this.#add('error', {
      path,
      value: shown(schema, view),
      problem,
      allowed: allowedText(schema),
      place,
    });
    return BROKEN;
  }

  #refuseKey(
    path: Path,
    { known, place }: { readonly known: readonly string[]; readonly place: Place },
  ): void {
    const near = nearestKey(String(path.at(-1)), known);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    this.#add('error', {
      path,
      value: null,
      problem: `is not a known setting${hint}`,
      allowed: near === null ? known.join(', ') : null,
      place,
    });
  }
}

const NOTHING: Handle = { of: null };
const EMPTY_MAP: View & { kind: 'map' } = { kind: 'map', entries: [] };

function emptyOr(view: View, problem: string): string {
  return view.kind === 'scalar' && view.value === null
    ? 'is empty; leave the key out for its default'
    : problem;
}

function leafProblem(schema: TSchema, value: unknown): string {
  if (wordsOf(schema) !== null) return 'is not one of the words allowed';
  if (value === null) return 'is empty';
  if (KindGuard.IsString(schema))
    return typeof value === 'string' ? 'is not a valid text' : 'is not a text; put it in quotes';
  if (typeof value !== 'number' || !Number.isInteger(value)) return 'is not a whole number';
  const step = Number(schema['multipleOf'] ?? 1);
  if (value % step !== 0) return `is not a multiple of ${step}`;
  return value < Number(schema['minimum']) ? 'is too small' : 'is too large';
}

const SHOWN_CHARS_MAX = 60;

/** The value as an error may show it. */
function shown(schema: TSchema, view: View): string {
  if (view.kind !== 'scalar') return view.kind === 'list' ? '(a list)' : '(a map)';
  if (schema['secret'] === true) return '***';
  const text = writtenText(schema, view).replace(/[\s\p{Cc}]+/gu, ' ');
  const short = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
  return short === '' ? '(empty)' : short;
}

/** Quotes tell a text from a number where a number is wanted; where a text is wanted they are only noise. */
function writtenText(
  schema: TSchema,
  { value, plainText }: Extract<View, { kind: 'scalar' }>,
): string {
  const isTextWanted = KindGuard.IsString(schema) || wordsOf(schema) !== null;
  if (typeof value !== 'string') return plainText ?? String(value);
  return isTextWanted ? value : (plainText ?? JSON.stringify(value));
}
