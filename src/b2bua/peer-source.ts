// Who may speak inside a dialog. Call-ID and tags are known to whoever saw one message, so a request must also come from
// where the party is: otherwise a listener could lead the call's media and its BYE elsewhere.
import type { Flow } from '../base/index.ts';
import type { Leg } from './call.ts';
import type { Context } from './context.ts';

/**
 * Whether a request that names this leg's dialog comes from its party: the address that the call came from or went to,
 * one that the leg's trunk allows, or one that the party named itself (Contact, first route). The port is free: NATs and
 * new connections change it. A host name among these can't be compared with an address, so it lets anyone speak who
 * knows the tags, as RFC 3261 §12.2.2 does.
 */
export function maySpeak(cx: Context, leg: Leg, flow: Flow): boolean {
  const { host } = flow.remote;
  const known = [leg.peerAddress, ...(leg.dialog?.peerHosts ?? [])];
  if (known.includes(host) || !known.every(isLiteral)) return true;
  return leg.trunk !== null && cx.settings.book.bySource(host)?.id === leg.trunk.id;
}

function isLiteral(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}
