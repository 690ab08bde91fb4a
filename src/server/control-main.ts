// Entry of the control process.
import { Control } from './control.ts';
import type { ToControl } from './family.ts';
import { addonPath, EXIT_CONFIG, failProcess, onSupervisor, tellSupervisor } from './family.ts';
import { openLog } from './log.ts';

type Start = Extract<ToControl, { kind: 'start' }>;

/** Words that come while the start is under way wait for its end: none is lost, and a stop finds something whole to stop. */
let control: Promise<Control | null> = Promise.resolve(null);

async function start({ settings, file, configPath, media }: Start): Promise<Control | null> {
  const log = openLog(settings.log.level, 'control');
  const started = await Control.start({
    settings,
    file,
    configPath,
    media,
    log,
    addonPath: addonPath(),
    tell: tellSupervisor,
  });
  if (!started.ok) {
    const { code, message } = started.error;
    failProcess(code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1, message);
    return null;
  }
  tellSupervisor({ kind: 'ready', lines: started.value.describe() });
  return started.value;
}

async function obey(message: Exclude<ToControl, Start>): Promise<void> {
  const running = await control;
  if (running === null) return;
  switch (message.kind) {
    case 'media':
      running.useMedia(message.media);
      break;
    case 'reload':
      running.reload();
      break;
    case 'stop':
      await running.stop({ now: message.now });
      process.exit(0);
  }
}

onSupervisor((sent) => {
  const message = sent as ToControl;
  if (message.kind === 'start') control = start(message);
  else void obey(message);
});
