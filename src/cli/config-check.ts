// `config check`: prints what the loader found, for people or as JSON.
import type { Result } from '../base/index.ts';
import type { ConfigFinding, LoadedConfig } from '../config/index.ts';
import { findingText } from '../config/index.ts';
import type { Terminal } from './handlers.ts';
import { EXIT } from './handlers.ts';

/**
 * Prints every error and warning and, when there is no error, a line of counts.
 * @returns 78 on errors, else 0.
 */
export function printConfigCheck(
  loaded: Result<LoadedConfig, readonly ConfigFinding[]>,
  { terminal, json }: { readonly terminal: Terminal; readonly json: boolean },
): number {
  const findings = loaded.ok ? loaded.value.warnings : loaded.error;
  if (json) {
    terminal.print(JSON.stringify({ ok: loaded.ok, findings }));
    return loaded.ok ? EXIT.ok : EXIT.config;
  }
  printFindings(findings, terminal);
  if (!loaded.ok) {
    const errorCount = findings.filter(({ severity }) => severity === 'error').length;
    terminal.complain(
      `${counted(errorCount, 'error')}, ${counted(findings.length - errorCount, 'warning')}`,
    );
    return EXIT.config;
  }
  const { file, settings } = loaded.value;
  const parts = [
    counted(settings.listen.sip.length, 'SIP listener'),
    counted(settings.media.addresses.length, 'media address', 'es'),
    counted(settings.trunks.length, 'trunk'),
    counted(settings.routes.length, 'route'),
    counted(findings.length, 'warning'),
  ];
  terminal.print(`${file}: ok: ${parts.join(', ')}`);
  return EXIT.ok;
}

/** One finding a line, errors and warnings in the order of the file. */
export function printFindings(findings: readonly ConfigFinding[], terminal: Terminal): void {
  for (const finding of findings) terminal.complain(findingText(finding));
}

function counted(count: number, noun: string, plural = 's'): string {
  return `${count} ${noun}${count === 1 ? '' : plural}`;
}
