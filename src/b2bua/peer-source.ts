// Who may speak inside a dialog. Call-ID and tags are known to whoever saw one message, so a request must also come from
// where the party is: otherwise a listener could lead the call's media and its BYE elsewhere.
import type { Flow } from '../base/index.ts';
import type { Trunk } from '../trunks/index.ts';
import type { Leg } from './call.ts';
import type { Context } from './context.ts';
import { isSameHost } from './same-host.ts';

/**
 * Whether a request that names this leg's dialog comes from its party: the address that the call came from or went to,
 * one of its trunk's neighbour, or one that the party named itself (Contact, first route). The port is free: NATs and
 * new connections change it. A host name among these can't be compared with an address, so it lets anyone speak who
 * knows the tags, as RFC 3261 §12.2.2 does.
 */
export function maySpeak(cx: Context, leg: Leg, flow: Flow): boolean {
  const { host } = flow.remote;
  const known = [leg.peerAddress, ...(leg.dialog?.peerHosts ?? [])];
  if (known.some((one) => isSameHost(one, host)) || !known.every(isLiteral)) return true;
  return leg.trunk !== null && isNeighbour(cx, leg.trunk, host);
}

/**
 * Whether an address belongs to whoever stands behind a trunk. A carrier hangs up from other addresses than it is asked at, and is
 * often two trunks, one that calls us and one that we call: these are known by a gateway's address that both have.
 */
function isNeighbour(cx: Context, trunk: Trunk, host: string): boolean {
  const { book } = cx.settings;
  const has = ({ id, gateways }: Trunk, address: string): boolean =>
    book.bySource(address)?.id === id ||
    gateways.some(({ target }) => isSameHost(target.host, address));
  if (has(trunk, host)) return true;
  const sender = book.bySource(host);
  if (sender === null) return false;
  const shared = [...trunk.gateways, ...sender.gateways].map(({ target }) => target.host);
  return shared.some((address) => has(trunk, address) && has(sender, address));
}

function isLiteral(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}
