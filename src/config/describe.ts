// Says in words what a setting may be: the same words in errors and in docs/config.md.
import type { TSchema } from '@sinclair/typebox';
import { KindGuard } from '@sinclair/typebox';
import type { Form } from './forms.ts';

/** The form keyword of a leaf; null without one. */
export function formOf(schema: TSchema): Form<unknown> | null {
  return (schema['form'] as Form<unknown> | undefined) ?? null;
}

/** The alternative of a nullable setting that isn't null; null when the setting isn't nullable. */
export function nonNullPart(schema: TSchema): TSchema | null {
  if (!KindGuard.IsUnion(schema)) return null;
  const parts = schema.anyOf.filter((part) => !KindGuard.IsNull(part));
  const [only] = parts;
  return parts.length === 1 && schema.anyOf.length === 2 && only !== undefined ? only : null;
}

/** The values of a setting that is one of a list of words; null when it isn't. */
export function wordsOf(schema: TSchema): readonly string[] | null {
  // TypeBox makes a plain literal of a list of one.
  if (KindGuard.IsLiteral(schema)) return [String(schema.const)];
  if (!KindGuard.IsUnion(schema)) return null;
  const words: string[] = [];
  for (const part of schema.anyOf) {
    if (!KindGuard.IsLiteral(part)) return null;
    words.push(String(part.const));
  }
  return words;
}

/** The text and the map alternative of a setting that may be written either way; null when it isn't one. */
export function textOrMapOf(
  schema: TSchema,
): { readonly text: TSchema; readonly map: TSchema } | null {
  if (!KindGuard.IsUnion(schema)) return null;
  const text = schema.anyOf.find((part) => KindGuard.IsString(part));
  const map = schema.anyOf.find((part) => KindGuard.IsObject(part));
  return text === undefined || map === undefined ? null : { text, map };
}

/** What may stand there, as a phrase. */
export function allowedText(schema: TSchema): string {
  const optional = nonNullPart(schema);
  if (optional !== null) return `${allowedText(optional)}, or null`;
  const words = wordsOf(schema);
  if (words !== null) return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
  const either = textOrMapOf(schema);
  if (either !== null) return `${allowedText(either.text)}; or ${allowedText(either.map)}`;
  const form = formOf(schema);
  if (form !== null) return form.allowed;
  if (KindGuard.IsInteger(schema)) {
    const what =
      schema.multipleOf === undefined ? 'whole number' : `multiple of ${schema.multipleOf}`;
    return `a ${what} from ${schema.minimum ?? '-∞'} to ${schema.maximum ?? '∞'}`;
  }
  if (KindGuard.IsArray(schema)) return listText(schema.minItems ?? 0, schema.maxItems ?? null);
  if (KindGuard.IsObject(schema))
    return `a map with the keys ${Object.keys(schema.properties).join(', ')}`;
  return schema['secret'] === true ? 'a text that isn’t empty' : 'a text';
}

function listText(countMin: number, countMax: number | null): string {
  if (countMax === null) return countMin === 0 ? 'a list' : `a list of at least ${countMin}`;
  return `a list of ${countMin} to ${countMax}`;
}
