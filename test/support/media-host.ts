// A media process for tests: starts the host it is told to, says so, and waits to be ended.
import { startHost } from '../../src/engine/index.ts';
import type { HostConfig } from '../../src/engine/index.ts';

const started = startHost(JSON.parse(process.argv[2] ?? '{}') as HostConfig);
if (started.ok) {
  console.log('ready');
  const alive = setInterval(() => undefined, 60_000);
  process.once('SIGTERM', () => {
    clearInterval(alive);
    void started.value.close();
  });
} else {
  console.error(started.error.message);
  process.exitCode = 1;
}
