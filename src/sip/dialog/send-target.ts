// From a URI to where a request is sent: transport, host and port (RFC 3261 §19.1.2, §26.2.2; RFC
// 3263 §4.1 without its DNS part, which is the transport room's; RFC 7118 §5.2).
import { err, isReliable, ok } from '../../base/index.ts';
import type { CodedError, Result, SendTarget, TransportKind } from '../../base/index.ts';
import { defaultPort } from '../core-routing.ts';
import { parseUri } from '../message/index.ts';
import type { SipUri } from '../types.ts';

/**
 * Where a request to this URI goes: `maddr` before the host, `transport` (UDP, or TLS for sips,
 * when not given), the port or the transport's own.
 * @returns URI_UNSUPPORTED for schemes but sip and sips, unknown transports, sips over UDP, port 0.
 */
export function sendTargetOf(uri: SipUri): Result<SendTarget, CodedError> {
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') {
    return unsupported(uri, `scheme ${uri.scheme} is not sip or sips`);
  }
  const transport = transportOf(uri);
  if (transport === null) {
    return unsupported(uri, `transport ${uri.params.get('transport') ?? ''} is not spoken`);
  }
  const maddr = uri.params.get('maddr');
  const host =
    maddr === undefined || maddr === null || maddr === '' ? uri.host : unbracketed(maddr);
  if (host === '') return unsupported(uri, 'the host is empty');
  if (uri.port === 0) return unsupported(uri, 'nothing can be sent to port 0');
  return ok({ transport, host, port: uri.port ?? defaultPort(transport) });
}

/**
 * Reads URI text and says where a request to it goes. Errors: MESSAGE_MALFORMED, URI_UNSUPPORTED.
 */
export function sendTargetOfText(uriText: string): Result<SendTarget, CodedError> {
  const uri = parseUri(uriText);
  return uri.ok ? sendTargetOf(uri.value) : uri;
}

function transportOf(uri: SipUri): TransportKind | null {
  const named = uri.params.get('transport')?.toLowerCase();
  const isSecure = uri.scheme === 'sips';
  switch (named) {
    case undefined:
      return isSecure ? 'tls' : 'udp';
    case 'udp':
    case 'tcp':
    case 'tls':
    case 'ws':
    case 'wss':
      if (!isSecure) return named;
      // sips means TLS on every hop; `transport` then names what lies below it.
      if (!isReliable(named)) return null;
      return named === 'ws' || named === 'wss' ? 'wss' : 'tls';
    default:
      return null;
  }
}

function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function unsupported(uri: SipUri, what: string): Result<never, CodedError> {
  return err({ code: 'URI_UNSUPPORTED', message: `${what}: ${uri.text}` });
}
