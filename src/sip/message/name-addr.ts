// Reads name-addr values (From, To, Contact, Route, …) of canonical text in linear time. RFC 3261 §20.10, §25.1.
import type { CodedError, Result } from '../../base/index.ts';
import type { NameAddr } from '../types.ts';

/** Reads one name-addr or addr-spec with its header parameters. Errors: MESSAGE_MALFORMED. */
export function parseNameAddr(text: string): Result<NameAddr, CodedError> {
  throw new Error(`not built: ${text}`);
}
