// Entry of the media process: the addon as host, and nothing else, so that it hardly ever changes or fails.
import type { EngineHost } from '../engine/index.ts';
import { startHost } from '../engine/index.ts';
import type { ToMedia } from './family.ts';
import { addonPath, EXIT_CONFIG, failProcess, onSupervisor, tellSupervisor } from './family.ts';

let host: EngineHost | null = null;

onSupervisor<ToMedia>((message) => {
  if (message.kind === 'stop') {
    void (host?.close() ?? Promise.resolve()).then(() => process.exit(0));
    return;
  }
  const started = startHost({ ...message.host, addonPath: addonPath() });
  if (!started.ok) {
    failProcess(started.error.code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1, started.error.message);
    return;
  }
  host = started.value;
  tellSupervisor({ kind: 'ready', lines: [] });
});
