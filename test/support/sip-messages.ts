// Builders of parsed SIP messages for tests above the transaction layer: real text, read by the real guard and parser.
import type { Flow, HostPort } from '../../src/base/index.ts';
import { indexMessage, parseMessage } from '../../src/sip/index.ts';
import type { OutgoingRequest, SipRequest, SipResponse } from '../../src/sip/index.ts';

type Lines = readonly (readonly [string, string])[];

export interface SdpParts {
  readonly host?: string;
  readonly port?: number;
  /** Payload numbers and names, `[0, 'PCMU/8000']`. */
  readonly codecs?: readonly (readonly [number, string])[];
  readonly direction?: string;
  readonly version?: number;
}

export const PCMU = [0, 'PCMU/8000'] as const;
export const PCMA = [8, 'PCMA/8000'] as const;
export const EVENTS = [101, 'telephone-event/8000'] as const;

/** A party's session description. */
export function sdpOf(parts: SdpParts = {}): string {
  const {
    host = '192.0.2.10',
    port = 40_000,
    codecs = [PCMU, EVENTS],
    direction = 'sendrecv',
    version = 1,
  } = parts;
  const lines = [
    'v=0',
    `o=alice 77 ${version} IN IP4 ${host}`,
    's=secret subject',
    `c=IN IP4 ${host}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${codecs.map(([number]) => number).join(' ')}`,
    ...codecs.map(([number, name]) => `a=rtpmap:${number} ${name}`),
    `a=${direction}`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** A request of a peer, built line by line. `with…` methods give a changed copy. */
export class RequestBuilder {
  readonly method: string;
  readonly #uri: string;
  readonly #headers: Lines;
  readonly #body: string | null;
  readonly #type: string;

  constructor(parts: {
    readonly method: string;
    readonly uri: string;
    readonly headers: Lines;
    readonly body?: string | null;
    readonly type?: string;
  }) {
    this.method = parts.method;
    this.#uri = parts.uri;
    this.#headers = parts.headers;
    this.#body = parts.body ?? null;
    this.#type = parts.type ?? 'application/sdp';
  }

  /** The value of a header as it stands now. */
  value(name: string): string {
    return this.#headers.find(([key]) => key === name)?.[1] ?? '';
  }

  /** Replaces a header, or adds it. */
  with(name: string, value: string): RequestBuilder {
    const rest = this.#headers.filter(([key]) => key !== name);
    return this.#copy({ headers: [...rest, [name, value]] });
  }

  /** Puts one more header before all others, of whatever name. */
  after(name: string, value: string): RequestBuilder {
    return this.#copy({ headers: [[name, value], ...this.#headers] });
  }

  to(uri: string): RequestBuilder {
    return this.#copy({ uri }).with('To', `<${uri}>`);
  }

  /** Dials this number at the node. */
  dialling(number: string): RequestBuilder {
    return this.to(`sip:${number}@192.0.2.1:5060`);
  }

  withBody(body: string | null, type = 'application/sdp'): RequestBuilder {
    return this.#copy({ body, type });
  }

  #copy(change: {
    uri?: string;
    headers?: Lines;
    body?: string | null;
    type?: string;
  }): RequestBuilder {
    return new RequestBuilder({
      method: this.method,
      uri: this.#uri,
      headers: this.#headers,
      body: this.#body,
      type: this.#type,
      ...change,
    });
  }

  parse(): SipRequest {
    const body = this.#body ?? '';
    const typed: Lines = body === '' ? [] : [['Content-Type', this.#type]];
    const text = textOf(`${this.method} ${this.#uri} SIP/2.0`, [...this.#headers, ...typed], body);
    const message = read(text);
    if (message.kind !== 'request') throw new Error('not a request');
    return message;
  }
}

let serial = 0;

function branch(): string {
  serial += 1;
  return `z9hG4bKtest${serial}`;
}

/** An INVITE of carrier `in` to 44 1632 960000 with an offer of PCMU. */
export function anInvite(from: HostPort = { host: '192.0.2.10', port: 5060 }): RequestBuilder {
  const here = `${from.host}:${from.port}`;
  return new RequestBuilder({
    method: 'INVITE',
    uri: 'sip:441632960000@192.0.2.1:5060',
    headers: [
      ['Via', `SIP/2.0/UDP ${here};branch=${branch()};rport`],
      ['Max-Forwards', '70'],
      ['From', `"Alice Smith" <sip:441632961111@secret-a.example>;tag=alice-tag`],
      ['To', '<sip:441632960000@192.0.2.1:5060>'],
      ['Call-ID', `call-${serial}@secret-a.example`],
      ['CSeq', '1 INVITE'],
      ['Contact', `<sip:alice@${here}>`],
      ['User-Agent', 'secret-agent/1'],
    ],
    body: sdpOf({ host: from.host }),
  });
}

/** A request outside any dialog. */
export function aRequest(method: string): RequestBuilder {
  return new RequestBuilder({
    method,
    uri: 'sip:192.0.2.1:5060',
    headers: [
      ['Via', `SIP/2.0/UDP 192.0.2.10:5060;branch=${branch()};rport`],
      ['Max-Forwards', '70'],
      ['From', '<sip:probe@192.0.2.10>;tag=probe-tag'],
      ['To', '<sip:192.0.2.1:5060>'],
      ['Call-ID', `probe-${serial}`],
      ['CSeq', `1 ${method}`],
    ],
  });
}

/** The next request of a dialog whose parties and Call-ID are given. */
export function inDialog(
  method: string,
  dialog: {
    readonly from: string;
    readonly to: string;
    readonly callId: string;
    readonly cseq: number;
    readonly host: string;
  },
): RequestBuilder {
  return new RequestBuilder({
    method,
    uri: 'sip:192.0.2.1:5060',
    headers: [
      ['Via', `SIP/2.0/UDP ${dialog.host}:5060;branch=${branch()};rport`],
      ['Max-Forwards', '70'],
      ['From', dialog.from],
      ['To', dialog.to],
      ['Call-ID', dialog.callId],
      ['CSeq', `${dialog.cseq} ${method}`],
      ['Contact', `<sip:party@${dialog.host}:5060>`],
    ],
  });
}

export interface ReplyParts {
  readonly body?: string | null;
  readonly toTag?: string;
  readonly headers?: Lines;
  readonly contact?: string;
  /** The body's; SDP when left out. */
  readonly type?: string;
  /** The source address; where the request was sent when left out. */
  readonly from?: string;
}

/** A peer's response to a request of ours. */
export function reply(to: OutgoingRequest, status: number, parts: ReplyParts = {}): SipResponse {
  const {
    body = null,
    toTag = 'bob-tag',
    headers = [],
    contact = '<sip:bob@192.0.2.20:5060>',
    type = 'application/sdp',
  } = parts;
  const value = (name: string): string => headerOf(to, name);
  const tagged = value('To').includes(';tag=') ? value('To') : `${value('To')};tag=${toTag}`;
  const lines: Lines = [
    ['Via', `SIP/2.0/UDP 192.0.2.1:5060;branch=${branch()}`],
    ['From', value('From')],
    ['To', tagged],
    ['Call-ID', value('Call-ID')],
    ['CSeq', value('CSeq')],
    ['Contact', contact],
    ...headers,
    ...(body === null ? [] : [['Content-Type', type] as const]),
  ];
  const message = read(textOf(`SIP/2.0 ${status} Said`, lines, body ?? ''));
  if (message.kind !== 'response') throw new Error('not a response');
  return message;
}

/** A header of a request of ours; empty when it has none. */
export function headerOf(request: { readonly headers: Lines }, name: string): string {
  return request.headers.find(([key]) => key === name)?.[1] ?? '';
}

/** The flow a message of this host comes in on. */
export function udpFrom(host: string): Flow {
  return { id: 1, transport: 'udp', remote: { host, port: 5060 } };
}

function textOf(startLine: string, headers: Lines, body: string): string {
  const lines = [
    startLine,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function read(text: string): SipRequest | SipResponse {
  const guarded = indexMessage(Buffer.from(text, 'utf8'), 'udp');
  if (guarded.verdict !== 'ok') throw new Error(`${guarded.error.message}\n${text}`);
  const message = parseMessage(guarded.index);
  if (!message.ok) throw new Error(`${message.error.message}\n${text}`);
  return message.value;
}
