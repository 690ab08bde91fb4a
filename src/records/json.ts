// Call records as JSON: the columns' names as keys, null where a thing did not happen.
import type { LegRecord } from '../base/index.ts';
import { cdrColumns, type CdrValue } from './columns.ts';

export type CdrJson = Readonly<Record<string, CdrValue>>;

/** One leg; keys in the order of the columns. */
export function toJson(leg: LegRecord): CdrJson {
  return Object.fromEntries(cdrColumns.map((column) => [column.name, column.value(leg)]));
}
