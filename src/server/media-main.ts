// Entry of the media process: the addon as host, and nothing else, so that it hardly ever changes or fails.
import { makeFolder } from '../base/index.ts';
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
    const { mediaFolder } = config;
    const unmade = makeMediaFolder(mediaFolder);
    if (unmade !== null) {
      failProcess(EXIT_CONFIG, unmade);
      return;
    }
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
      else if (mediaFolder !== undefined && message.startsWith('mediaFolder: '))
        failProcess(EXIT_CONFIG, folderProblem(mediaFolder, "can't be opened"));
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

/** Makes the folder of clips and recordings. @returns why it can't be, by setting and value; null when it's there or none is asked for. */
function makeMediaFolder(folder: string | undefined): string | null {
  if (folder === undefined) return null;
  try {
    makeFolder(folder, 0o700);
    return null;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return folderProblem(folder, error.message);
  }
}

function folderProblem(folder: string, problem: string): string {
  const allowed = 'a folder that this user may open, or a path where it may make one';
  return `media.folder: ${folder}: ${problem} (allowed: ${allowed})`;
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
