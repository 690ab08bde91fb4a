// Entry of the media process: the addon as host, and nothing else, so that it hardly ever changes or fails.
import type { EngineHost } from '../engine/index.ts';
import { startHost } from '../engine/index.ts';
import type { ToMedia } from './family.ts';
import { onSupervisor, tellSupervisor } from './family.ts';

let host: EngineHost | null = null;

onSupervisor<ToMedia>((message) => {
  if (message.kind === 'stop') {
    void (host?.close() ?? Promise.resolve()).then(() => process.exit(0));
    return;
  }
  const started = startHost({ ...message.host, addonPath: process.env['MEDIA_ADDON_PATH'] ?? null });
  if (!started.ok) {
    tellSupervisor({ kind: 'failed', exitCode: 1, message: started.error.message });
    process.exitCode = 1;
    process.disconnect();
    return;
  }
  host = started.value;
  tellSupervisor({ kind: 'ready', lines: [] });
});
