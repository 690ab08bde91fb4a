// What an operator is told when a listening point can't be opened.
import { hostPortText, type CodedError, type LocalPoint } from '../base/index.ts';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'another program has it'],
  ['EACCES', 'this user may not open it (ports below 1024 need CAP_NET_BIND_SERVICE)'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
]);

/** ADDRESS_IN_USE with transport, address and the reason in words. */
export function listenError(local: LocalPoint, error: Error): CodedError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const reason = REASONS.get(code) ?? error.message;
  const message = `can't listen on ${local.transport}://${hostPortText(local.bind)}: ${reason}`;
  return { code: 'ADDRESS_IN_USE', message };
}
