// Entry of the control process.
import { loadConfig } from '../config/index.ts';
import { Control } from './control.ts';
import type { ToControl } from './family.ts';
import { EXIT_CONFIG, onSupervisor, tellSupervisor } from './family.ts';
import { openLog } from './log.ts';

let control: Control | null = null;

async function start({ configPath, media }: Extract<ToControl, { kind: 'start' }>): Promise<void> {
  const loaded = loadConfig({ path: configPath });
  if (!loaded.ok) {
    tellSupervisor({ kind: 'failed', exitCode: EXIT_CONFIG, message: 'the configuration changed and is wrong now' });
    process.exit(EXIT_CONFIG);
  }
  const { settings } = loaded.value;
  const log = openLog(settings.log.level, 'control');
  const addonPath = process.env['MEDIA_ADDON_PATH'] ?? null;
  const started = await Control.start({ settings, media, log, configPath, addonPath });
  if (!started.ok) {
    const exitCode = started.error.code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1;
    tellSupervisor({ kind: 'failed', exitCode, message: started.error.message });
    process.exitCode = exitCode;
    process.disconnect();
    return;
  }
  control = started.value;
  tellSupervisor({ kind: 'ready', lines: control.describe() });
}

onSupervisor<ToControl>((message) => {
  switch (message.kind) {
    case 'start':
      void start(message);
      break;
    case 'media':
      control?.useMedia(message.media);
      break;
    case 'reload':
      control?.reload();
      break;
    case 'stop':
      if (control === null) process.exit(0);
      void control.stop({ now: message.now }).then(() => process.exit(0));
      break;
  }
});
