// What to type first: a SIPp command that calls the echo destination of this configuration, when it has one.
import { fileURLToPath } from 'node:url';
import type { HostPort } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import type { Settings } from '../config/index.ts';

/** Lines to print once the engine is ready; empty when no route leads to the echo destination, or nothing listens on UDP. */
export function demoHint(settings: Settings): readonly string[] {
  const route = settings.routes.find(({ target }) => target.kind === 'destination');
  const listener = settings.listen.sip.find(({ transport }) => transport === 'udp');
  if (route === undefined || listener === undefined) return [];
  const number = route.match.kind === 'exact' ? route.match.number : route.match.prefix;
  const folder = fileURLToPath(new URL('../../examples/echo-call', import.meta.url));
  const at = reachable(listener.bind);
  const options = `-sf echo-call.xml -s ${quoted(number === '' ? 'echo' : number)} -i ${at.host}`;
  return [
    '',
    'Call the echo destination (Debian package sip-tester), from another terminal:',
    `  (cd ${quoted(folder)} && sipp ${hostPortText(at)} ${options} -m 1 -nostdin)`,
  ];
}

/** Where a program on this machine finds a listener of every address. */
function reachable({ host, port }: HostPort): HostPort {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}

/** For a shell: dialled names and folders may hold anything. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
