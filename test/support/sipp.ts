// Drives SIPp (Debian's sip-tester): one process plays callers or callees by a scenario, and its own statistics say how
// many calls went as the scenario wants. SIPp is the independent judge: a call counts when its far end is content.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './child.ts';
import { startProgram } from './child.ts';
import { encodeMuLaw, toneSamples } from './tone.ts';

const SCENARIOS = fileURLToPath(new URL('../e2e/scenarios/', import.meta.url));

export interface SippOptions {
  /** File name in test/e2e/scenarios. */
  readonly scenario: string;
  /** Values for the `{{name}}` places of the scenario; `linger_ms` has a default. */
  readonly values?: Readonly<Record<string, string>>;
  /** Folder for the scenario, the tone file, statistics and errors; one process at a time per `label`. */
  readonly workDir: string;
  /** Names this process's files in `workDir`. */
  readonly label: string;
  readonly transport: 'udp' | 'tcp';
  readonly local: { readonly host: string; readonly port: number };
  /** First media port; SIPp takes as many as it has calls up. */
  readonly mediaPort: number;
  /** Where callers call; null for callees, who wait. */
  readonly remote: { readonly host: string; readonly port: number } | null;
  /** Calls after which it ends by itself; null for callees that serve until they are stopped. */
  readonly calls: number | null;
  /** New calls a second. */
  readonly rate?: number;
  /** Length of the scenario's pause. */
  readonly pauseMs?: number;
  /** User part of the called and of the calling address. */
  readonly called?: string;
  readonly caller?: string;
  /** Messages lost on purpose, both ways, per hundred. */
  readonly lostPercent?: number;
  /** Frequency of the tone that it sends. */
  readonly toneHz?: number;
  /** Ends the run as failed when it takes longer. */
  readonly limitS: number;
}

export interface SippResult {
  readonly created: number;
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
  /** Messages that no call wanted. */
  readonly unexpected: number;
  readonly exitCode: number | null;
  /** What SIPp wrote about calls that went wrong; empty when none did. */
  readonly errors: string;
}

export interface SippProcess {
  readonly program: Program;
  /** The end of a run that ends by itself. */
  readonly finished: Promise<SippResult>;
  /** Lets calls in progress end, then ends it. */
  stop(): Promise<SippResult>;
  /** Statistics so far, at most a second old; null before the first ones are there. */
  now(): SippResult | null;
}

/** Starts SIPp. The scenario is checked by SIPp itself: a bad one ends at once with its reason in the output. */
export function startSipp(options: SippOptions): SippProcess {
  const path = (ending: string): string => join(options.workDir, `${options.label}.${ending}`);
  writeFileSync(path('xml'), filledScenario(options));
  for (const ending of ['csv', 'errors']) rmSync(path(ending), { force: true });
  const tone = toneSamples({ frequencyHz: options.toneHz ?? 1000, amplitude: 8000, seconds: 1 });
  // SIPp reads audio relative to its working folder and repeats it; the name stands in the scenarios.
  writeFileSync(join(options.workDir, 'tone.ulaw'), encodeMuLaw(tone));
  const program = startProgram('sipp', sippArguments(options, path), {
    cwd: options.workDir,
    env: { TERM: 'dumb' },
  });
  const result = (exitCode: number | null): SippResult => readResult(path, exitCode);
  const finished = program.ended.then(({ code }) => result(code));
  return {
    program,
    finished,
    stop: async () => {
      // SIGUSR1 takes no new calls and waits for those in progress.
      const { code } = await program.stop({ signal: 'SIGUSR1', graceMs: 40_000 });
      return result(code);
    },
    now: () => {
      const seen = lastStatistics(path('csv'));
      return seen === null ? null : result(null);
    },
  };
}

function filledScenario({ scenario, values }: SippOptions): string {
  const all: Readonly<Record<string, string>> = { linger_ms: '4000', ...values };
  return readFileSync(join(SCENARIOS, scenario), 'utf8').replace(
    /\{\{(\w+)\}\}/g,
    (_, name: string) => {
      const value = all[name];
      if (value === undefined) throw new Error(`${scenario} needs a value for ${name}`);
      return value;
    },
  );
}

function sippArguments(options: SippOptions, path: (ending: string) => string): string[] {
  const { local, remote, calls } = options;
  return [
    ...(remote === null ? [] : [`${remote.host}:${remote.port}`]),
    ...['-sf', path('xml'), '-i', local.host, '-p', String(local.port), '-bind_local'],
    ...[
      '-mi',
      local.host,
      '-mp',
      String(options.mediaPort),
      '-t',
      options.transport === 'udp' ? 'u1' : 't1',
    ],
    ...(calls === null ? [] : ['-m', String(calls)]),
    ...['-r', String(options.rate ?? 10), '-l', '5000', '-d', String(options.pauseMs ?? 0)],
    ...['-s', options.called ?? 'service', '-key', 'caller', options.caller ?? 'sipp'],
    ...(options.lostPercent === undefined ? [] : ['-lost', String(options.lostPercent)]),
    ...['-timeout', `${options.limitS}s`, '-timeout_error', '-nostdin', '-buff_size', '4194304'],
    ...[
      '-trace_stat',
      '-stf',
      path('csv'),
      '-fd',
      '1',
      '-trace_err',
      '-error_file',
      path('errors'),
    ],
  ];
}

/** The last whole row of SIPp's statistics by column name. */
function lastStatistics(path: string): ReadonlyMap<string, string> | null {
  const lines = textOf(path)
    .split('\n')
    .filter((line) => line !== '');
  const [head, ...rows] = lines;
  const last = rows.at(-1);
  if (head === undefined || last === undefined) return null;
  const names = head.split(';');
  const cells = last.split(';');
  if (cells.length < names.length) return null;
  return new Map(names.map((name, index) => [name, cells[index] ?? '']));
}

function readResult(path: (ending: string) => string, exitCode: number | null): SippResult {
  const row = lastStatistics(path('csv'));
  const count = (name: string): number => {
    const cell = row?.get(name);
    if (row !== null && cell === undefined)
      throw new Error(`SIPp's statistics have no column ${name}`);
    return Number(cell ?? 0);
  };
  return {
    created: count('TotalCallCreated'),
    successful: count('SuccessfulCall(C)'),
    failed: count('FailedCall(C)'),
    retransmissions: count('Retransmissions(C)'),
    unexpected: count('OutOfCallMsgs(C)') + count('DeadCallMsgs(C)'),
    exitCode,
    errors: textOf(path('errors')).slice(0, 20_000),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
