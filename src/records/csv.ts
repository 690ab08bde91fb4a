// Call records as CSV (RFC 4180: CRLF, quotes where needed, a header line).
//
// Numbers and names come from strangers, and spreadsheets run a cell that begins with = + - @ or a control character
// as a formula. Such a cell gets an apostrophe in front, unless it is a plain number such as +442071838750, which
// would otherwise be damaged in every record. JSON gives each value as it is.
import { stringify } from 'csv-stringify/sync';
import type { LegRecord } from '../base/index.ts';
import { cdrColumns, type CdrValue } from './columns.ts';

const FORMULA_START = /^[=+\-@\t\r\n]/;
const PLAIN_NUMBER = /^[+-]?\d+$/;

function harmless(value: CdrValue): CdrValue {
  if (typeof value !== 'string' || !FORMULA_START.test(value) || PLAIN_NUMBER.test(value))
    return value;
  return `'${value}`;
}

function lines(rows: readonly (readonly CdrValue[])[]): string {
  return stringify(
    rows.map((row) => [...row]),
    { record_delimiter: 'windows' },
  );
}

/** The header line. */
export function csvHeader(): string {
  return lines([cdrColumns.map((column) => column.name)]);
}

/** One line per leg, without a header; empty text for no legs. Null is an empty cell. */
export function csvRows(legs: readonly LegRecord[]): string {
  return lines(legs.map((leg) => cdrColumns.map((column) => harmless(column.value(leg)))));
}

/** Header and rows. */
export function toCsv(legs: readonly LegRecord[]): string {
  return csvHeader() + csvRows(legs);
}
