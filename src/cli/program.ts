// The command line: words, options and help, by commander. What the commands do is injected.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { EpochMs } from '../base/index.ts';
import { epochMs } from '../base/index.ts';
import type { LoadedConfig } from '../config/index.ts';
import { printConfigCheck, printFindings } from './config-check.ts';
import type { CliHandlers, Terminal } from './handlers.ts';
import { EXIT } from './handlers.ts';

/** What the program is made from. */
export interface CliInputs {
  readonly handlers: CliHandlers;
  readonly terminal: Terminal;
  /** Printed by `--version`. */
  readonly version: string;
}

/**
 * Runs one command line.
 * @param args the arguments behind the program's name.
 * @returns the exit code; the caller ends the process with it. Never throws for what a user typed.
 */
export async function runCli(args: readonly string[], inputs: CliInputs): Promise<number> {
  const outcome = { code: EXIT.ok as number };
  const program = buildCli(inputs, (code) => {
    outcome.code = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return outcome.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/**
 * Builds the program with all its commands; for runCli, and for tests and documents that read its help.
 * @param onExit receives the exit code of the command that ran.
 */
export function buildCli(inputs: CliInputs, onExit: (code: number) => void): Command {
  const { terminal, version } = inputs;
  const program = new Command('trunkyard')
    .description(
      'Carrier-grade SIP and media engine: bridges SIP trunks, relays their media, writes call records.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .option(
      '-c, --config <file>',
      'configuration; else $TRUNKYARD_CONFIG, ./trunkyard.yaml, or a demonstration on loopback',
    )
    .addHelpText('after', EXIT_HELP)
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    })
    .showHelpAfterError('(see trunkyard --help)')
    .exitOverride();
  const shared: Shared = { ...inputs, program, onExit };
  addServe(shared);
  addConfig(shared);
  addCalls(shared);
  addCdr(shared);
  addTrunk(shared);
  addDoctor(shared);
  return program;
}

const EXIT_HELP = `
Exit codes: ${EXIT.ok} done, ${EXIT.failed} failed, ${EXIT.usage} wrong usage, ${EXIT.unavailable} no engine answers, ${EXIT.config} configuration has errors.`;

interface Shared extends CliInputs {
  readonly program: Command;
  readonly onExit: (code: number) => void;
}

function configPath({ program }: Shared): string | null {
  return program.opts<{ config?: string }>().config ?? null;
}

/** Runs an action with the configuration; with errors in it, prints them and answers 78 without running anything. */
async function withConfig(
  shared: Shared,
  action: (config: LoadedConfig) => Promise<number>,
): Promise<void> {
  const { handlers, terminal, onExit } = shared;
  const loaded = handlers.loadConfig(configPath(shared));
  if (!loaded.ok) {
    printFindings(loaded.error, terminal);
    onExit(EXIT.config);
    return;
  }
  onExit(await action(loaded.value));
}

function addServe(shared: Shared): void {
  const { program, handlers, terminal } = shared;
  program
    .command('serve')
    .description('run the node until it is stopped')
    .addHelpText(
      'after',
      `
Signals: SIGTERM and SIGINT drain: new calls are refused, calls in progress go on until they end or limits.drain_s
is over. A second one stops at once. SIGHUP reads the configuration again and applies it whole or not at all.`,
    )
    .action(() =>
      withConfig(shared, (config) => {
        printFindings(config.warnings, terminal);
        return handlers.serve(config, configPath(shared));
      }),
    );
}

function addConfig(shared: Shared): void {
  const { program, handlers, terminal, onExit } = shared;
  const group = program.command('config').description('work with the configuration');
  group
    .command('check')
    .description('report every error and warning with file, line and column; starts nothing')
    .addOption(jsonOption())
    .action(({ json }: { readonly json?: boolean }) => {
      onExit(
        printConfigCheck(handlers.loadConfig(configPath(shared)), {
          terminal,
          json: json ?? false,
        }),
      );
    });
}

function addCalls(shared: Shared): void {
  const { program, handlers } = shared;
  program
    .command('calls')
    .description('list the calls that are up on the running node')
    .addOption(urlOption())
    .option('-t, --trunk <name>', 'only calls with a leg on this trunk')
    .addOption(jsonOption())
    .action(
      ({
        url,
        trunk,
        json,
      }: {
        readonly url?: string;
        readonly trunk?: string;
        readonly json?: boolean;
      }) =>
        withConfig(shared, (config) =>
          handlers.calls(config, { url: url ?? null, trunk: trunk ?? null, json: json ?? false }),
        ),
    );
}

interface CdrWords {
  readonly url?: string;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly trunk?: string;
  readonly format: 'csv' | 'json';
  readonly output?: string;
}

function addCdr(shared: Shared): void {
  const { program, handlers } = shared;
  const group = program.command('cdr').description('work with call records');
  const command = group
    .command('export')
    .description('write call records, one row a leg, oldest first')
    .addOption(urlOption())
    .option('--from <time>', 'legs that ended at or after this UTC time', readTime)
    .option('--to <time>', 'legs that ended before this UTC time', readTime)
    .option('-t, --trunk <name>', 'only legs on this trunk')
    .addOption(
      new Option('-f, --format <format>', 'of the records').choices(['csv', 'json']).default('csv'),
    )
    .option('-o, --output <file>', 'file to write instead of standard output')
    .addHelpText(
      'after',
      '\nTimes: 2026-01-31, or 2026-01-31T08:00:00Z with or without seconds and fractions.',
    );
  command.action((words: CdrWords) => {
    const { url, from, to, trunk, format, output } = words;
    if (from !== undefined && to !== undefined && from >= to) {
      command.error('error: --from must be earlier than --to', { exitCode: EXIT.usage });
    }
    return withConfig(shared, (config) =>
      handlers.cdrExport(config, {
        url: url ?? null,
        from: from ?? null,
        to: to ?? null,
        trunk: trunk ?? null,
        format,
        output: output ?? null,
      }),
    );
  });
}

function addTrunk(shared: Shared): void {
  const { program, handlers } = shared;
  const group = program.command('trunk').description('work with trunks');
  const command = group
    .command('test')
    .description('send OPTIONS to every gateway of a trunk and report who answers')
    .argument('<name>', 'name of the trunk')
    .option('--timeout <seconds>', 'how long each gateway may take, 1 to 32', readTimeout, 4)
    .addOption(jsonOption());
  command.action(
    (trunk: string, { timeout, json }: { readonly timeout: number; readonly json?: boolean }) =>
      withConfig(shared, (config) =>
        handlers.trunkTest(config, { trunk, timeoutS: timeout, json: json ?? false }),
      ),
  );
}

function addDoctor(shared: Shared): void {
  const { program, handlers } = shared;
  program
    .command('doctor')
    .description('tell whether this machine can do what the configuration promises')
    .addOption(jsonOption())
    .action(({ json }: { readonly json?: boolean }) =>
      withConfig(shared, (config) => handlers.doctor(config, { json: json ?? false })),
    );
}

function jsonOption(): Option {
  return new Option('--json', 'print JSON for programs');
}

function urlOption(): Option {
  return new Option(
    '--url <url>',
    'HTTP API of the node; listen.http of the configuration when left out',
  ).argParser(readUrl);
}

function readUrl(text: string): string {
  if (!/^https?:\/\/[^/\s]+(?:\/\S*)?$/i.test(text))
    throw new InvalidArgumentError('It must begin with http:// or https://.');
  return text.replace(/\/+$/, '');
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?)?$/;

function readTime(text: string): EpochMs {
  const isDate = text.length === 10;
  const utc = isDate ? `${text}T00:00:00Z` : text.endsWith('Z') ? text : `${text}Z`;
  const value = TIME.test(text) ? Date.parse(utc) : Number.NaN;
  // Date.parse takes 30 February for 2 March, which would export the wrong days without a word.
  const isReal =
    !Number.isNaN(value) && new Date(value).toISOString().startsWith(text.slice(0, 10));
  if (!isReal)
    throw new InvalidArgumentError(
      'It must be a UTC time like 2026-01-31 or 2026-01-31T08:00:00Z.',
    );
  return epochMs(value);
}

function readTimeout(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 32)
    throw new InvalidArgumentError('It must be a whole number from 1 to 32.');
  return value;
}
