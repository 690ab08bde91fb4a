// Entry of the media process: the addon as host, and nothing else, so that it hardly ever changes or fails.
import { mkdirSync } from 'node:fs';
import type { EngineHost } from '../engine/index.ts';
import { startHost } from '../engine/index.ts';
import type { ToMedia } from './family.ts';
import {
  addonPath,
  EXIT_CONFIG,
  failProcess,
  instructionSet,
  onSupervisor,
  tellSupervisor,
} from './family.ts';
import { removeRunDir } from './run-dir.ts';

let host: EngineHost | null = null;
let runDir: string | null = null;

function start(config: Extract<ToMedia, { kind: 'start' }>['host']): void {
  runDir = config.runDir;
  try {
    if (config.mediaFolder !== undefined)
      mkdirSync(config.mediaFolder, { recursive: true, mode: 0o700 });
    const isa = instructionSet();
    const started = startHost({
      ...config,
      ...(isa === undefined ? {} : { isa }),
      addonPath: addonPath(),
    });
    if (started.ok) {
      host = started.value;
      tellSupervisor({ kind: 'ready', lines: kernelPathLines(config, started.value) });
    } else {
      const { code, message } = started.error;
      const address = addressProblem(config.addresses, message);
      // As where SIP can't listen: the address may belong to this machine in a moment, so another start may succeed.
      if (address !== null) failProcess(1, address);
      else failProcess(code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1, message);
    }
  } catch (error) {
    // No addon for this machine, an instruction set that is none: a sentence for the operator, not a stack.
    failProcess(1, error instanceof Error ? error.message : String(error));
  }
}

/** Whether the kernel takes part, where that was asked for. */
function kernelPathLines(
  { kernelPath }: Extract<ToMedia, { kind: 'start' }>['host'],
  { kernelPathObstacle }: EngineHost,
): readonly string[] {
  if (kernelPath !== true) return [];
  if (kernelPathObstacle === null) return ['plain calls are forwarded inside the kernel'];
  return [`no call is forwarded inside the kernel: ${kernelPathObstacle}`];
}

/** The addon counts the addresses it was given; an operator knows them by setting and value. Null for other problems. */
function addressProblem(
  addresses: Extract<ToMedia, { kind: 'start' }>['host']['addresses'],
  message: string,
): string | null {
  const [, index, problem] = /^addresses\[(\d+)\]: (.*)$/.exec(message) ?? [];
  const bind = addresses[Number(index)]?.bind;
  if (bind === undefined || problem === undefined) return null;
  return `media.addresses[${index}].bind: ${bind}: ${problem}`;
}

async function stop(): Promise<void> {
  await host?.close();
  process.exit(0);
}

onSupervisor(
  (sent) => {
    const message = sent as ToMedia;
    if (message.kind === 'start') start(message.host);
    else void stop();
  },
  () => {
    void host?.close();
    if (runDir !== null) removeRunDir(runDir);
  },
);
