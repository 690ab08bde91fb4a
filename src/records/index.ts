// Call records as people and billing systems read them: one row per leg, stable columns. Pure.
export { cdrColumns, type CdrColumn, type CdrValue } from './columns.ts';
export { csvHeader, csvRows, toCsv } from './csv.ts';
export { toJson, type CdrJson } from './json.ts';
