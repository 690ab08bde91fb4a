// Configuration: one schema, one loader, cross checks, and what a reload may change.
export * from './settings.ts';
export * from './finding.ts';
