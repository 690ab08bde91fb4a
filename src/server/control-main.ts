// Entry of the control process.
import { loadConfig } from '../config/index.ts';
import { Control } from './control.ts';
import type { ToControl } from './family.ts';
import { addonPath, EXIT_CONFIG, failProcess, onSupervisor, tellSupervisor } from './family.ts';
import { openLog } from './log.ts';

let control: Control | null = null;

async function start({ configPath, media }: Extract<ToControl, { kind: 'start' }>): Promise<void> {
  const loaded = loadConfig({ path: configPath });
  if (!loaded.ok) {
    failProcess(EXIT_CONFIG, 'the configuration changed and is wrong now');
    return;
  }
  const { settings } = loaded.value;
  const log = openLog(settings.log.level, 'control');
  const started = await Control.start({ settings, media, log, configPath, addonPath: addonPath() });
  if (!started.ok) {
    const exitCode = started.error.code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1;
    failProcess(exitCode, started.error.message);
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
