// Entry of the media process: the addon as host, and nothing else, so that it hardly ever changes or fails.
import type { EngineHost } from '../engine/index.ts';
import { startHost } from '../engine/index.ts';
import type { ToMedia } from './family.ts';
import { addonPath, EXIT_CONFIG, failProcess, onSupervisor, tellSupervisor } from './family.ts';
import { removeRunDir } from './run-dir.ts';

let host: EngineHost | null = null;
let runDir: string | null = null;

function start(config: Extract<ToMedia, { kind: 'start' }>['host']): void {
  runDir = config.runDir;
  try {
    const started = startHost({ ...config, addonPath: addonPath() });
    if (started.ok) {
      host = started.value;
      tellSupervisor({ kind: 'ready', lines: [] });
    } else {
      const { code, message } = started.error;
      failProcess(code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1, message);
    }
  } catch (error) {
    // No addon for this machine: a sentence for the operator, not a stack.
    failProcess(1, error instanceof Error ? error.message : String(error));
  }
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
