// Texts that stand elsewhere: `${NAME}` from the environment, `{file: path}` from a file of its own.
import type { Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';

/** A file as load.ts reads it: its text and its permission bits (0o600 and such). */
export interface SecretFile {
  readonly text: string;
  readonly mode: number;
}

/** Reads a file named in the configuration. @returns the file, or why it can't be read. */
export type ReadFile = (path: string) => Result<SecretFile, string>;

/** The outside a configuration may refer to. */
export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
}

/**
 * Puts in every `${NAME}`; `$${` stands for the text `${`.
 * @returns the text, or the names that are not set.
 */
export function expandEnv(text: string, env: Outside['env']): Result<string, readonly string[]> {
  const missing: string[] = [];
  const expanded = text.replace(
    /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
    (whole: string, name: string | undefined) => {
      if (name === undefined) return whole.slice(1);
      const value = env[name];
      if (value === undefined) missing.push(name);
      return value ?? '';
    },
  );
  return missing.length > 0 ? err(missing) : ok(expanded);
}

/** The permission bits that let others than the owner read or write the file. */
const OTHERS_MASK = 0o077;

/**
 * Takes the secret out of its file: the text without the line end that editors put behind it.
 * @returns the secret and a warning when others may read the file; or why there is none.
 */
export function readSecret(
  path: string,
  readFile: ReadFile,
): Result<{ readonly secret: string; readonly warning: string | null }, string> {
  const file = readFile(path);
  if (!file.ok) return err(file.error);
  const secret = file.value.text.replace(/\r?\n$/, '');
  if (secret === '') return err('the file is empty');
  if (/[\r\n]/.test(secret)) return err('the file has more than one line');
  const mode = file.value.mode & 0o777;
  const open = (mode & OTHERS_MASK) !== 0;
  return ok({
    secret,
    warning: open
      ? `the file’s mode is ${mode.toString(8).padStart(4, '0')}, so others can use it`
      : null,
  });
}
