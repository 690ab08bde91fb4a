// Finds the configuration and reads what it refers to. The one file of this room that touches files and environment.
import { readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import { DEMO_FILE, DEMO_YAML } from './demo.ts';
import type { ConfigFinding } from './finding.ts';
import type { LoadedConfig } from './parse.ts';
import { CONFIG_CHARS_MAX, parseConfig, wholeFile } from './parse.ts';
import type { SecretFile } from './secrets.ts';

/** A secret is a line; a larger file was named by mistake. */
const SECRET_BYTES_MAX = 64 * 1024;
const FILE_NAME = 'trunkyard.yaml';

/** Where to look; everything has its ordinary value when left out. */
export interface LoadInputs {
  /** The value of `--config`; null when it wasn't given. */
  readonly path: string | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
}

/**
 * Loads the configuration: `--config`, else $TRUNKYARD_CONFIG, else ./trunkyard.yaml, else the demonstration. A file
 * that was named must be there; only the last two are looked for.
 * @returns the settings, or every finding; reading blocks, which is right before start and brief at a reload.
 */
export function loadConfig({
  path,
  env = process.env,
  directory = process.cwd(),
}: LoadInputs): Result<LoadedConfig, readonly ConfigFinding[]> {
  const named = path ?? emptyToNull(env['TRUNKYARD_CONFIG']);
  const file = named ?? FILE_NAME;
  const readFile = (target: string): Result<SecretFile, string> =>
    readRegularFile(resolve(directory, dirname(file), target), SECRET_BYTES_MAX);
  const text = readRegularFile(resolve(directory, file), CONFIG_CHARS_MAX);
  const localAddresses = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map(({ address }) => address),
  );
  if (text.ok) return parseConfig(text.value.text, { file, env, readFile, localAddresses });
  if (named === null && text.error === MISSING)
    return parseConfig(DEMO_YAML, { file: DEMO_FILE, env, readFile });
  return err([wholeFile(file, `can’t be read: ${text.error}`)]);
}

const MISSING = 'there is no such file';

function emptyToNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}

function readRegularFile(path: string, bytesMax: number): Result<SecretFile, string> {
  try {
    const found = statSync(path);
    // A device or a pipe would be read without end, and with calls up that would be the end of them.
    if (!found.isFile())
      return err(found.isDirectory() ? 'it is a directory' : 'it is not a regular file');
    const { mode, size } = found;
    if (size > bytesMax) return err(`it has ${size} bytes, more than ${bytesMax}`);
    return ok({ text: readFileSync(path, 'utf8'), mode });
  } catch (error) {
    return err(reasonOf(error));
  }
}

/** The system's errors in words; anything else is a mistake of ours and goes on. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : null;
  if (code === null) throw error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return MISSING;
  if (code === 'EACCES' || code === 'EPERM') return 'permission is denied';
  if (code === 'EISDIR') return 'it is a directory';
  return `the system says ${code}`;
}
