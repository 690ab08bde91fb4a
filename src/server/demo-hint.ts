// What to type first: a SIPp command that calls the echo destination of this configuration, when it has one.
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/index.ts';

/** Lines to print once the engine is ready; empty when no route leads to the echo destination. */
export function demoHint(settings: Settings): readonly string[] {
  const route = settings.routes.find(({ target }) => target.kind === 'destination');
  const listener = settings.listen.sip.find(({ transport }) => transport === 'udp');
  if (route === undefined || listener === undefined) return [];
  const number = route.match.kind === 'exact' ? route.match.number : route.match.prefix;
  const folder = fileURLToPath(new URL('../../examples/echo-call', import.meta.url));
  const { host, port } = listener.bind;
  return [
    '',
    'Call the echo destination (Debian package sip-tester), from another terminal:',
    `  (cd ${folder} && sipp ${host}:${port} -sf echo-call.xml -s ${number} -i ${host} -m 1 -nostdin)`,
  ];
}
