// What is wrong, or doubtful, in a configuration: where it stands, the offending value, and what would be right.

/** One error or warning. Ordered by place in the file when several are reported. */
export interface ConfigFinding {
  /** An error keeps the configuration from being used; a warning says what will go wrong, or is likely a mistake. */
  readonly severity: 'error' | 'warning';
  /** As given on the command line, or `(built-in demonstration)`, or `(request)` for a body of the API. */
  readonly file: string;
  /** 1-based; 0 when there is no text to point into. */
  readonly line: number;
  readonly column: number;
  /** Path of the setting, for example `trunks[0].gateways[1].uri`; empty for the whole file. */
  readonly key: string;
  /** The value as written, shortened; `***` for secrets; null when the setting is missing. */
  readonly value: string | null;
  /** What is wrong, as a clause without a full stop. */
  readonly problem: string;
  /** What may stand there; null when the problem says it all. */
  readonly allowed: string | null;
}

/** `file:line:column: severity: key: value: problem (allowed: …)`, leaving out what is unknown. One line. */
export function findingText(finding: ConfigFinding): string {
  const place =
    finding.line > 0 ? `${finding.file}:${finding.line}:${finding.column}` : finding.file;
  const parts = [place, finding.severity];
  if (finding.key !== '') parts.push(finding.key);
  if (finding.value !== null) parts.push(finding.value);
  const allowed = finding.allowed === null ? '' : ` (allowed: ${finding.allowed})`;
  return `${parts.join(': ')}: ${finding.problem}${allowed}`;
}

/** Sorts by place, so that a reader can go through the file from the top. */
export function byPlace(a: ConfigFinding, b: ConfigFinding): number {
  return a.line - b.line || a.column - b.column || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
