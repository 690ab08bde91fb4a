// What each command does. `serve` runs the process tree; the others look at it from outside or at the machine.
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hostPortText } from '../base/index.ts';
import type { CallsOptions, CdrExportOptions, CliHandlers, Terminal } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { LoadedConfig, Settings } from '../config/index.ts';
import { doctorFindings, loadConfig } from '../config/index.ts';
import { demoHint } from './demo-hint.ts';
import { gatherFacts } from './doctor.ts';
import { openLog } from './log.ts';
import { Supervisor } from './supervisor.ts';
import { testTrunk } from './trunk-test.ts';

/** Standard output and standard error. */
export const terminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};

/** The handlers that the command line is given. */
export function makeHandlers(): CliHandlers {
  return {
    loadConfig: (path) => loadConfig({ path }),
    serve,
    calls: ({ settings }, options) => listCalls(settings, options),
    cdrExport: ({ settings }, options) => exportCdrs(settings, options),
    trunkTest: ({ settings }, options) => testTrunk(settings, options, terminal),
    doctor: ({ settings }, { json }) => {
      const findings = doctorFindings(settings, gatherFacts());
      if (json) terminal.print(JSON.stringify({ findings }));
      else {
        for (const { check, verdict, text, advice } of findings) {
          terminal.print(`${verdict.padEnd(8)}${check.padEnd(18)}${text}${advice === null ? '' : `\n${' '.repeat(26)}-> ${advice}`}`);
        }
      }
      return Promise.resolve(findings.some(({ verdict }) => verdict === 'error') ? EXIT.failed : EXIT.ok);
    },
  };
}

async function serve(config: LoadedConfig, path: string | null): Promise<number> {
  const { settings, file } = config;
  const log = openLog(settings.log.level, 'supervisor');
  const supervisor = new Supervisor({
    settings,
    configPath: path,
    log,
    onReady: (lines) => {
      terminal.print(`trunkyard is ready (configuration: ${file})`);
      for (const line of lines) terminal.print(`  ${line}`);
      for (const line of demoHint(settings)) terminal.print(line);
    },
    onFailed: (message) => terminal.complain(`trunkyard: ${message}`),
  });
  process.on('SIGTERM', () => supervisor.stop());
  process.on('SIGINT', () => supervisor.stop());
  process.on('SIGHUP', () => supervisor.reload());
  supervisor.start();
  return supervisor.finished;
}

function baseUrl(settings: Settings, url: string | null): string | null {
  if (url !== null) return url.replace(/\/$/, '');
  return settings.listen.http === null ? null : `http://${hostPortText(settings.listen.http)}`;
}

/** @returns the response, or null after saying on the terminal why there is none. */
async function ask(base: string | null, path: string): Promise<Response | null> {
  if (base === null) {
    terminal.complain('listen.http is switched off; name the engine with --url');
    return null;
  }
  try {
    const response = await fetch(`${base}${path}`);
    if (response.ok) return response;
    terminal.complain(`${base}${path} answered ${response.status}: ${await response.text()}`);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    terminal.complain(`no engine answers at ${base}: ${cause}`);
  }
  return null;
}

interface ShownCall {
  readonly call_id: string;
  readonly started_at: string;
  readonly answered_at: string | null;
  readonly legs: readonly {
    readonly trunk: string | null;
    readonly caller: string;
    readonly called: string;
    readonly state: string;
    readonly codec: string | null;
  }[];
}

async function listCalls(settings: Settings, { url, trunk, json }: CallsOptions): Promise<number> {
  const base = baseUrl(settings, url);
  const calls: ShownCall[] = [];
  for (let path: string | null = '/v1/calls?limit=1000'; path !== null; ) {
    const response = await ask(base, path);
    if (response === null) return EXIT.unavailable;
    const page = (await response.json()) as { calls: ShownCall[]; next_cursor: string | null };
    calls.push(...page.calls);
    path = page.next_cursor === null ? null : `/v1/calls?limit=1000&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  const wanted = trunk === null ? calls : calls.filter((call) => call.legs.some((leg) => leg.trunk === trunk));
  if (json) {
    terminal.print(JSON.stringify({ calls: wanted }));
    return EXIT.ok;
  }
  for (const call of wanted) {
    const legs = call.legs.map((leg) => `${leg.trunk ?? '-'} ${leg.state} ${leg.codec ?? '-'}`).join(' | ');
    const [first] = call.legs;
    terminal.print(`${call.call_id}  ${call.started_at}  ${first?.caller ?? ''} -> ${first?.called ?? ''}  ${legs}`);
  }
  terminal.print(`${wanted.length} call${wanted.length === 1 ? '' : 's'}`);
  return EXIT.ok;
}

/** Copies page after page as the engine writes them; only the first page of CSV has the header line. */
async function exportCdrs(settings: Settings, options: CdrExportOptions): Promise<number> {
  const base = baseUrl(settings, options.url);
  const query = new URLSearchParams({ format: options.format, limit: '1000' });
  if (options.from !== null) query.set('from', new Date(options.from).toISOString());
  if (options.to !== null) query.set('to', new Date(options.to).toISOString());
  if (options.trunk !== null) query.set('trunk', options.trunk);
  const first = await ask(base, `/v1/cdrs?${query.toString()}`);
  if (first === null) return EXIT.unavailable;
  const output: Writable = options.output === null ? process.stdout : createWriteStream(options.output, { mode: 0o600 });
  const failed = { value: false };
  async function* pages(): AsyncGenerator<string> {
    let response: Response | null = first;
    for (let isFirst = true; response !== null; isFirst = false) {
      const text = await response.text();
      const cursor = response.headers.get('x-next-cursor');
      yield isFirst || options.format === 'json' ? text : text.slice(text.indexOf('\n') + 1);
      if (cursor === null) return;
      query.set('cursor', cursor);
      response = await ask(base, `/v1/cdrs?${query.toString()}`);
      if (response === null) failed.value = true;
    }
  }
  try {
    await pipeline(pages, output, { end: options.output !== null });
  } catch (error) {
    terminal.complain(`can’t write: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.failed;
  }
  return failed.value ? EXIT.unavailable : EXIT.ok;
}

