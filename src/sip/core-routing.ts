// Where messages go and what they are matched by: response routing, the choice of our own address,
// our Via, and the matching keys of RFC 3261 §17.1.3 and §17.2.3. Pure functions of addresses and
// indexes.
import { hostPortText } from '../base/index.ts';
import type { Flow, LocalPoint, Random, SendTarget, TransportKind } from '../base/index.ts';
import type { MessageIndex, TopVia } from './message/index.ts';

/** RFC 3261 §8.1.1.7: a branch that begins so is unique, and alone identifies its transaction. */
const MAGIC_COOKIE = 'z9hG4bK';
/** Random part of our branches: 96 bits, so that no stranger can forge a response. */
const BRANCH_RANDOM_BYTES = 12;

const VIA_TRANSPORT: Readonly<Record<TransportKind, string>> = {
  udp: 'UDP',
  tcp: 'TCP',
  tls: 'TLS',
  ws: 'WS',
  wss: 'WSS',
};

/**
 * The port a URI or Via means without naming one (RFC 3261 §19.1.2, §18.2.2; RFC 7118 §5).
 */
export function defaultPort(transport: TransportKind): number {
  switch (transport) {
    case 'udp':
    case 'tcp':
      return 5060;
    case 'tls':
      return 5061;
    case 'ws':
      return 80;
    case 'wss':
      return 443;
  }
}

/**
 * Where the responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4): on a stream back on its
 * connection; on UDP to the source address, and there to the source port when the sender asked for
 * it by `rport`, else to the port of its Via. `maddr` is not followed: it would let a stranger
 * direct our answers anywhere.
 */
export function replyFlow(flow: Flow, topVia: TopVia): Flow {
  if (flow.transport !== 'udp' || topVia.wantsRport) return flow;
  const port = topVia.port ?? defaultPort('udp');
  // Nothing can be sent to port 0, so such a Via says nothing.
  if (port === flow.remote.port || port === 0) return flow;
  return { ...flow, remote: { host: flow.remote.host, port } };
}

/**
 * Our listening point that a request to `target` names in Via and Contact: same transport and, when
 * the target is an address and not a name, same address family.
 * @returns null when we don't listen on that transport.
 */
export function localPointFor(
  locals: readonly LocalPoint[],
  target: SendTarget,
): LocalPoint | null {
  const sameTransport = locals.filter((local) => local.transport === target.transport);
  const family = sameTransport.find(
    (local) => local.advertise.host.includes(':') === target.host.includes(':'),
  );
  return family ?? sameTransport[0] ?? null;
}

/** A new branch: the cookie and 96 random bits. */
export function newBranch(random: Random): string {
  return MAGIC_COOKIE + random.hex(BRANCH_RANDOM_BYTES);
}

/** The value of our Via. On UDP it asks for rport, so that answers come back through NAT. */
export function viaText(local: LocalPoint, branch: string): string {
  const rport = local.transport === 'udp' ? ';rport' : '';
  const sentBy = hostPortText(local.advertise);
  return `SIP/2.0/${VIA_TRANSPORT[local.transport]} ${sentBy};branch=${branch}${rport}`;
}

/**
 * Key of a client transaction (RFC 3261 §17.1.3): our branch and the CSeq method, since a CANCEL
 * shares its INVITE's branch.
 */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

/** The branch inside a client key. */
export function branchOfKey(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/**
 * Key of a server transaction (RFC 3261 §17.2.3): branch, sent-by and method. Without the cookie
 * the peer speaks RFC 2543, and the key is made of what that peer keeps equal. The To tag is left
 * out for INVITE: its ACK carries ours, and From tag, Call-ID, CSeq and Via tell enough.
 * @param method 'INVITE' when looking for what an ACK or CANCEL belongs to.
 */
export function serverKey(index: MessageIndex, method: string): string {
  const { branch, sentBy, text } = index.topVia;
  if (branch !== null && branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return `${branch}\n${sentBy}\n${method}`;
  }
  const uri = index.startLine.kind === 'request' ? index.startLine.uri : '';
  const toTag = method === 'INVITE' ? '' : (index.toTag ?? '');
  const parts = [uri, toTag, index.fromTag ?? '', index.callId, index.cseq.number, text, method];
  return `\n${parts.join('\n')}`;
}

/**
 * Key by which the ACK of a 2xx finds its INVITE: it is a transaction of its own with a branch of
 * its own (RFC 3261 §13.2.2.4), so the dialog's identity and the CSeq number must do.
 * @param prefix of the INVITE or the ACK, by ackKeyPrefix.
 * @param toTag  our tag.
 */
export function ackKey(prefix: string, toTag: string): string {
  return `${prefix}\n${toTag}`;
}

/** The part of an ackKey that the INVITE tells before we have chosen a tag. */
export function ackKeyPrefix(index: MessageIndex): string {
  return `${index.callId}\n${index.fromTag ?? ''}\n${index.cseq.number}`;
}

/**
 * Key by which the same request is recognised on a second way (RFC 3261 §8.2.2.2); null inside a
 * dialog, where the rule doesn't hold.
 */
export function mergeKey(index: MessageIndex): string | null {
  if (index.toTag !== null) return null;
  return `${index.callId}\n${index.fromTag ?? ''}\n${index.cseq.number}\n${index.cseq.method}`;
}
