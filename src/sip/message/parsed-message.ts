// The typed view over one indexed message. Lists are read when first asked for: most messages are matched, relayed and
// forgotten without anyone looking at their Contact.
import type { NameAddr, SipRequest, SipResponse, SipUri, Via } from '../types.ts';
import { knownHeader } from './header-names.ts';
import type { MessageIndex } from './index-message.ts';
import { readAddressList } from './name-addr.ts';
import { splitList } from './parameters.ts';
import { readVias } from './via.ts';

abstract class ParsedMessage {
  readonly callId: string;
  readonly cseq: { readonly number: number; readonly method: string };
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly contentType: string | null;
  readonly body: Buffer;
  readonly #index: MessageIndex;
  #vias: readonly Via[] | null = null;
  #contacts: readonly NameAddr[] | null = null;

  constructor(index: MessageIndex, addresses: { readonly from: NameAddr; readonly to: NameAddr }) {
    this.#index = index;
    this.callId = index.callId;
    this.cseq = index.cseq;
    this.from = addresses.from;
    this.to = addresses.to;
    this.body = index.body;
    this.contentType = index.body.length === 0 ? null : mediaType(index.header('Content-Type'));
  }

  get vias(): readonly Via[] {
    this.#vias ??= readVias(this.#index.viaLines);
    return this.#vias;
  }

  get contacts(): readonly NameAddr[] {
    this.#contacts ??= this.#index.headerLines('Contact').flatMap(readAddressList);
    return this.#contacts;
  }

  get recordRoutes(): readonly string[] {
    return this.headerValues('Record-Route');
  }

  get routes(): readonly string[] {
    return this.headerValues('Route');
  }

  header(name: string): string | null {
    return this.#index.header(name);
  }

  headerValues(name: string): readonly string[] {
    const lines = this.#index.headerLines(name);
    return knownHeader(name)?.list === true ? lines.flatMap(splitList) : lines;
  }
}

function mediaType(value: string | null): string | null {
  if (value === null) return null;
  const semicolon = value.indexOf(';');
  const type = semicolon < 0 ? value : value.slice(0, semicolon);
  return type.replaceAll(' ', '').toLowerCase();
}

/** A request as the transaction user sees it. */
export class ParsedRequest extends ParsedMessage implements SipRequest {
  readonly kind = 'request';
  readonly method: string;
  readonly uri: SipUri;
  readonly maxForwards: number;

  constructor(
    index: MessageIndex,
    parts: {
      readonly from: NameAddr;
      readonly to: NameAddr;
      readonly method: string;
      readonly uri: SipUri;
    },
  ) {
    super(index, parts);
    this.method = parts.method;
    this.uri = parts.uri;
    this.maxForwards = index.maxForwards;
  }
}

/** A response as the transaction user sees it. */
export class ParsedResponse extends ParsedMessage implements SipResponse {
  readonly kind = 'response';
  readonly status: number;
  readonly reason: string;

  constructor(
    index: MessageIndex,
    parts: {
      readonly from: NameAddr;
      readonly to: NameAddr;
      readonly status: number;
      readonly reason: string;
    },
  ) {
    super(index, parts);
    this.status = parts.status;
    this.reason = parts.reason;
  }
}
