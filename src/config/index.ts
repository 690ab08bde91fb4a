// Configuration: one schema, one loader, cross checks, and what a reload may change.
export * from './settings.ts';
export * from './finding.ts';
export {
  CONFIG_CHARS_MAX,
  locatedText,
  parseConfig,
  validateRoute,
  validateTrunk,
} from './parse.ts';
export { ownPoint } from './check-addresses.ts';
export type { LoadedConfig, ParseInputs } from './parse.ts';
export type { Outside, ReadFile, SecretFile } from './secrets.ts';
export { loadConfig } from './load.ts';
export type { LoadInputs } from './load.ts';
export { DEMO_FILE, DEMO_YAML } from './demo.ts';
export { diffConfig, liveSettings } from './diff.ts';
export type { ConfigDiff } from './diff.ts';
export { PORT_REST_S, portsNeeded } from './check.ts';
export { SETTINGS_SCHEMA } from './schema.ts';
export { SOCKET_BUFFER_BYTES, doctorFindings, mediaPortCount } from './doctor-checks.ts';
export type { DoctorFacts, DoctorFinding } from './doctor-checks.ts';
