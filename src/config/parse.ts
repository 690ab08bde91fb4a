// Configuration text to settings: read by the schema, checked against itself, normalised. Pure: the environment and
// secret files are handed in.
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import { checkSettings } from './check.ts';
import { checkRouteShape, checkTrunkShape } from './check-peers.ts';
import type { ConfigFinding } from './finding.ts';
import { byPlace } from './finding.ts';
import { normalize, normalizeRoute, normalizeTrunk } from './normalize.ts';
import { SchemaReader } from './read.ts';
import { Reporter } from './reporter.ts';
import { ROUTE_SCHEMA, SETTINGS_SCHEMA, TRUNK_SCHEMA } from './schema.ts';
import type { Outside } from './secrets.ts';
import type { RouteSettings, Settings, TrunkSettings } from './settings.ts';
import type { Place } from './source.ts';
import { jsonSource, yamlSource } from './source.ts';

/** Settings that may be used, and what is doubtful about them. */
export interface LoadedConfig {
  /** As findings show it. */
  readonly file: string;
  readonly settings: Settings;
  readonly warnings: readonly ConfigFinding[];
  /** Where a setting stands, by the key that findings have; null for one that isn't written. */
  readonly placeOf: (key: string) => Place | null;
}

/** Larger than any real configuration; a log file given by mistake is refused before it is parsed. */
export const CONFIG_CHARS_MAX = 4 * 1024 * 1024;

/** What parseConfig needs beside the text. */
export interface ParseInputs extends Outside {
  /** Shown in findings. */
  readonly file: string;
  /** Of this machine, to be compared with those to bind; left out when nobody knows. */
  readonly localAddresses?: readonly string[];
}

/**
 * Makes settings of a YAML text.
 * @returns the settings with warnings, or every error and warning in the order of the text.
 */
export function parseConfig(
  text: string,
  { file, env, readFile, localAddresses }: ParseInputs,
): Result<LoadedConfig, readonly ConfigFinding[]> {
  if (text.length > CONFIG_CHARS_MAX) {
    return err([wholeFile(file, `is larger than ${CONFIG_CHARS_MAX} characters`)]);
  }
  const { source, problems } = yamlSource(withBareBusUrl(text));
  if (problems.length > 0) {
    return err(
      problems
        .map(({ place, key, problem }) => ({ ...wholeFile(file, problem), key, ...place }))
        .sort(byPlace),
    );
  }
  const root = source.view(source.root);
  if (root.kind === 'scalar' && root.value === null) {
    return err([wholeFile(file, 'is empty')]);
  }
  const reader = new SchemaReader({ file, source, outside: { env, readFile } });
  const raw = reader.read(SETTINGS_SCHEMA);
  if (!Value.Check(SETTINGS_SCHEMA, raw)) return err(sorted(reader));
  checkSettings(raw, reader, localAddresses ?? null);
  if (hasErrors(reader)) return err(sorted(reader));
  return ok({
    file,
    settings: normalize(raw),
    warnings: sorted(reader),
    placeOf: (key) => reader.placeOf(key),
  });
}

/**
 * YAML takes the colon that ends `url: memory:` for the mark of a key. Since that address is written so everywhere else,
 * the colon becomes a space here: the text keeps its length, and so every place in it.
 */
function withBareBusUrl(text: string): string {
  return text.replace(/(\burl:[ \t]+memory):(?=[ \t]*(?:[,}#\r]|$))/gm, '$1 ');
}

/**
 * Checks a trunk that came as JSON, by the rules of the file's `trunks`. References to the environment and to files are
 * not followed, since the body came over the network.
 */
export function validateTrunk(body: unknown): Result<TrunkSettings, readonly ConfigFinding[]> {
  return validate(body, {
    schema: TRUNK_SCHEMA,
    check: checkTrunkShape,
    make: normalizeTrunk,
  });
}

/** Checks a route that came as JSON, by the rules of the file's `routes`. Whether its trunks exist is TrunkBook's to say. */
export function validateRoute(body: unknown): Result<RouteSettings, readonly ConfigFinding[]> {
  return validate(body, {
    schema: ROUTE_SCHEMA,
    check: (raw, report) => void checkRouteShape(raw, report),
    make: normalizeRoute,
  });
}

interface Validation<S extends TSchema, T> {
  readonly schema: S;
  readonly check: (raw: S['static'], report: Reporter) => void;
  readonly make: (raw: S['static']) => T;
}

function validate<S extends TSchema, T>(
  body: unknown,
  { schema, check, make }: Validation<S, T>,
): Result<T, readonly ConfigFinding[]> {
  const reader = new SchemaReader({ file: '(request)', source: jsonSource(body), outside: null });
  const raw = reader.read(schema);
  if (!Value.Check(schema, raw)) return err(reader.findings);
  check(raw, new Reporter(reader));
  return hasErrors(reader) ? err(reader.findings) : ok(make(raw));
}

function hasErrors({ findings }: SchemaReader): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function sorted({ findings }: SchemaReader): readonly ConfigFinding[] {
  return [...findings].sort(byPlace);
}

/**
 * Puts file and place before a problem that was found after loading and that begins with a setting's key, as in
 * `trunks[1].name: ...`; any other problem stays as it is.
 */
export function locatedText({ file, placeOf }: LoadedConfig, problem: string): string {
  const key = /^([a-z][\w.[\]]*): /.exec(problem)?.[1];
  const place = key === undefined ? null : placeOf(key);
  return place === null ? problem : `${file}:${place.line}:${place.column}: error: ${problem}`;
}

/** An error about the file as such. */
export function wholeFile(file: string, problem: string): ConfigFinding {
  return {
    severity: 'error',
    file,
    line: 0,
    column: 0,
    key: '',
    value: null,
    problem,
    allowed: null,
  };
}
