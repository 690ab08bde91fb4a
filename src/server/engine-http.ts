// The running engine as its own commands see it: HTTP, with a sentence on the terminal when there is no answer.
import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { hostPortText } from '../base/index.ts';
import type { Terminal } from '../cli/index.ts';
import type { Settings } from '../config/index.ts';

/** Where the engine answers: `--url`, else `listen.http`; null when that is switched off. */
export function engineUrl({ listen }: Settings, url: string | null): string | null {
  if (url !== null) return url.replace(/\/+$/, '');
  return listen.http === null ? null : `http://${hostPortText(listen.http)}`;
}

/** @returns the good response, or null after saying on the terminal why there is none. */
export async function ask(
  base: string | null,
  path: string,
  terminal: Terminal,
): Promise<Response | null> {
  if (base === null) {
    terminal.complain('listen.http is switched off; name the engine with --url');
    return null;
  }
  try {
    const response = await fetch(`${base}${path}`);
    if (response.ok) return response;
    terminal.complain(`${base}${path} answered ${response.status}: ${await response.text()}`);
  } catch (error) {
    terminal.complain(`no engine answers at ${base}: ${problemOf(error)}`);
  }
  return null;
}

/** As `ask`, for a JSON answer of a known shape. */
export async function askJson<S extends TSchema>(
  base: string | null,
  path: string,
  { shape, terminal }: { readonly shape: S; readonly terminal: Terminal },
): Promise<Static<S> | null> {
  const response = await ask(base, path, terminal);
  if (response === null) return null;
  try {
    const body: unknown = await response.json();
    if (Value.Check(shape, body)) return body;
    terminal.complain(`${base ?? ''}${path}: what answers there is no engine of this version`);
  } catch (error) {
    terminal.complain(`${base ?? ''}${path}: ${problemOf(error)}`);
  }
  return null;
}

/** What went wrong, with the cause that fetch wraps. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
