// The command line of the product: what may be typed, and what the server is asked for.
export { EXIT } from './handlers.ts';
export type {
  CallsOptions,
  CdrExportOptions,
  CliHandlers,
  Terminal,
  DoctorOptions,
  TrunkTestOptions,
} from './handlers.ts';
export { printFindings } from './config-check.ts';
export { buildCli, runCli } from './program.ts';
export type { CliInputs } from './program.ts';
