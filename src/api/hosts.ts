// Which names the API answers to. It has no log-in of its own on loopback, so a page in the operator's browser must not reach it
// by a name that it had resolved to us (DNS rebinding); such a request carries that name in Host.
import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './deps.ts';
import { sendError } from './errors.ts';

/** An address is no name and can't be rebound; IPv6 stands in brackets (RFC 3986 §3.2.2). */
const ADDRESS = /^(?:\[.*|\d{1,3}(?:\.\d{1,3}){3})$/;

/** Refuses requests for names that are none of ours (RFC 9110 §15.5.20). */
export function refuseForeignHosts(app: FastifyInstance, { ownNames }: ApiDeps): void {
  if (ownNames === null) return;
  const own = new Set(['localhost', ...ownNames.map((name) => name.toLowerCase())]);
  app.addHook('onRequest', (request, reply, done) => {
    const name = nameIn(request.headers.host ?? '');
    if (name === '' || ADDRESS.test(name) || own.has(name)) {
      done();
      return;
    }
    const message = `Host '${name.slice(0, 64)}' is no name of this node; listen.http_hosts lists them`;
    sendError(reply, { code: 'HOST_UNKNOWN', message });
  });
}

/** Without port and the dot of the root. */
function nameIn(host: string): string {
  const name = host.startsWith('[') ? host : (host.split(':', 1)[0] ?? '');
  return name.toLowerCase().replace(/\.$/, '');
}
