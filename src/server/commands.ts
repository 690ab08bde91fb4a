// What each command does. `serve` runs the process tree; the others look at it from outside or at the machine.
import type { CliHandlers, Terminal } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { LoadedConfig, Settings } from '../config/index.ts';
import { doctorFindings, loadConfig, locatedText } from '../config/index.ts';
import { exportCdrs } from './cdr-export.ts';
import { demoHint } from './demo-hint.ts';
import { gatherFacts } from './doctor.ts';
import { listCalls } from './list-calls.ts';
import { openLog } from './log.ts';
import { openRunDir } from './run-dir.ts';
import { Supervisor } from './supervisor.ts';
import { testTrunk } from './trunk-test.ts';

/** Longer than the largest journal and database take to be replayed and brought up to date. */
const START_LIMIT_MS = 300_000;

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
    calls: ({ settings }, options) => listCalls(settings, options, terminal),
    cdrExport: ({ settings }, options) => exportCdrs(settings, options, terminal),
    trunkTest: ({ settings }, options) => testTrunk(settings, options, terminal),
    doctor: ({ settings }, options) => Promise.resolve(examine(settings, options)),
  };
}

async function serve(loaded: LoadedConfig, configPath: string | null): Promise<number> {
  const { settings, file } = loaded;
  const supervisor = new Supervisor({
    settings,
    file,
    configPath,
    runDir: await openRunDir(),
    log: openLog(settings.log.level, 'supervisor'),
    startLimitMs: START_LIMIT_MS,
    onReady: (lines) => {
      terminal.print(`trunkyard is ready (configuration: ${file})`);
      for (const line of lines) terminal.print(`  ${line}`);
      for (const line of demoHint(settings)) terminal.print(line);
    },
    onFailed: (message) => terminal.complain(`trunkyard: ${locatedText(loaded, message)}`),
  });
  process.on('SIGTERM', () => supervisor.stop());
  process.on('SIGINT', () => supervisor.stop());
  process.on('SIGHUP', () => supervisor.reload());
  supervisor.start();
  return supervisor.finished;
}

function examine(settings: Settings, { json }: { readonly json: boolean }): number {
  const findings = doctorFindings(settings, gatherFacts());
  if (json) terminal.print(JSON.stringify({ findings }));
  else {
    for (const { check, verdict, text, advice } of findings) {
      terminal.print(`${verdict.padEnd(8)}${check.padEnd(18)}${text}`);
      if (advice !== null) terminal.print(`${' '.repeat(26)}-> ${advice}`);
    }
  }
  return findings.some(({ verdict }) => verdict === 'error') ? EXIT.failed : EXIT.ok;
}
