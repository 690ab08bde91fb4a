// What the commands ask for, and what carries it out. The server fills CliHandlers; here nothing is done but parsing
// words and printing findings.
import type { EpochMs, Result } from '../base/index.ts';
import type { ConfigFinding, LoadedConfig } from '../config/index.ts';

/** How a command ended, by the numbers of sysexits(3) where one fits. */
export const EXIT = {
  ok: 0,
  /** It was tried and failed. */
  failed: 1,
  /** Unknown command, option or argument. */
  usage: 64,
  /** No running engine answers. */
  unavailable: 69,
  /** The configuration has errors. */
  config: 78,
} as const;

export interface CallsOptions {
  /** Base address of the HTTP API; null = `listen.http`. */
  readonly url: string | null;
  /** Only calls with a leg on this trunk; null = all. */
  readonly trunk: string | null;
  readonly json: boolean;
}

export interface CdrExportOptions {
  readonly url: string | null;
  /** Legs that ended at or after; null = from the first. */
  readonly from: EpochMs | null;
  /** Legs that ended before; null = to the last. */
  readonly to: EpochMs | null;
  readonly trunk: string | null;
  readonly format: 'csv' | 'json';
  /** File to write; null = standard output. */
  readonly output: string | null;
}

export interface TrunkTestOptions {
  readonly trunk: string;
  /** How long each gateway may take to answer OPTIONS, 1 to 32 s. */
  readonly timeoutS: number;
  readonly json: boolean;
}

export interface DoctorOptions {
  readonly json: boolean;
}

/** Where text goes. Lines come without their end. */
export interface Terminal {
  print(line: string): void;
  complain(line: string): void;
}

/** What the server does for each command. All but `serve` end by themselves; each answers with its exit code. */
export interface CliHandlers {
  /** @param path the value of `--config`; null when it wasn't given. */
  loadConfig(path: string | null): Result<LoadedConfig, readonly ConfigFinding[]>;
  /** Runs the node until it is stopped; warnings of the configuration were printed. */
  serve(config: LoadedConfig, path: string | null): Promise<number>;
  calls(config: LoadedConfig, options: CallsOptions): Promise<number>;
  cdrExport(config: LoadedConfig, options: CdrExportOptions): Promise<number>;
  trunkTest(config: LoadedConfig, options: TrunkTestOptions): Promise<number>;
  doctor(config: LoadedConfig, options: DoctorOptions): Promise<number>;
}
