// The header fields that the guard or the writer treats in a special way, and all compact forms. Everything else is text.

import type { Codes } from './characters.ts';

/** Kinds the index finds by number instead of by name. 0 is any other header. */
export const KIND = {
  other: 0,
  via: 1,
  from: 2,
  to: 3,
  callId: 4,
  cseq: 5,
  maxForwards: 6,
  contentLength: 7,
  contentType: 8,
  contact: 9,
} as const;

/** How many kinds there are; sizes the table of first positions. */
export const KIND_COUNT = 10;

/** What the guard asks of a header's value. */
export type HeaderForm =
  | 'text'
  /** Quotes and angle brackets in pairs. */
  | 'balanced'
  /** One name-addr or addr-spec with parameters. */
  | 'address'
  /** A comma-separated list of them. */
  | 'addressList';

export interface KnownHeader {
  /** Its place in the table, from 1: how a scan remembers it. */
  readonly id: number;
  /** RFC spelling. */
  readonly name: string;
  readonly lower: string;
  readonly kind: number;
  readonly form: HeaderForm;
  /** True when a second one makes the message ambiguous (RFC 3261 §7.3.1). */
  readonly single: boolean;
  /** True when values of several header lines form one comma-separated list. */
  readonly list: boolean;
}

type Row = readonly [name: string, form: HeaderForm, traits: string, kind?: number];

// traits: s = may appear once only, l = a comma separates values.
const ROWS: readonly Row[] = [
  ['Via', 'text', 'l', KIND.via],
  ['From', 'address', 's', KIND.from],
  ['To', 'address', 's', KIND.to],
  ['Call-ID', 'text', 's', KIND.callId],
  ['CSeq', 'text', 's', KIND.cseq],
  ['Max-Forwards', 'text', 's', KIND.maxForwards],
  ['Content-Length', 'text', 's', KIND.contentLength],
  ['Content-Type', 'text', 's', KIND.contentType],
  ['Contact', 'addressList', 'l', KIND.contact],
  ['Route', 'addressList', 'l'],
  ['Record-Route', 'addressList', 'l'],
  ['Path', 'addressList', 'l'],
  ['Service-Route', 'addressList', 'l'],
  ['Refer-To', 'address', 's'],
  ['Referred-By', 'address', 's'],
  ['Reply-To', 'balanced', ''],
  ['P-Asserted-Identity', 'balanced', 'l'],
  ['P-Preferred-Identity', 'balanced', 'l'],
  ['Remote-Party-ID', 'balanced', 'l'],
  ['Diversion', 'balanced', 'l'],
  ['History-Info', 'balanced', 'l'],
  ['P-Associated-URI', 'balanced', 'l'],
  ['P-Called-Party-ID', 'balanced', ''],
  ['Alert-Info', 'balanced', 'l'],
  ['Call-Info', 'balanced', 'l'],
  ['Error-Info', 'balanced', 'l'],
  ['Expires', 'text', 's'],
  ['Event', 'text', 's'],
  ['RAck', 'text', 's'],
  ['RSeq', 'text', 's'],
  ['Replaces', 'text', 's'],
  ['Session-Expires', 'text', 's'],
  ['Min-SE', 'text', 's'],
  ['Content-Disposition', 'text', 's'],
  ['Accept', 'text', 'l'],
  ['Accept-Contact', 'text', 'l'],
  ['Accept-Encoding', 'text', 'l'],
  ['Accept-Language', 'text', 'l'],
  ['Allow', 'text', 'l'],
  ['Allow-Events', 'text', 'l'],
  ['Content-Encoding', 'text', 'l'],
  ['Content-Language', 'text', 'l'],
  ['In-Reply-To', 'text', 'l'],
  ['Privacy', 'text', ''],
  ['Proxy-Require', 'text', 'l'],
  ['Reason', 'text', 'l'],
  ['Reject-Contact', 'text', 'l'],
  ['Request-Disposition', 'text', 'l'],
  ['Require', 'text', 'l'],
  ['Security-Client', 'text', 'l'],
  ['Security-Server', 'text', 'l'],
  ['Security-Verify', 'text', 'l'],
  ['Supported', 'text', 'l'],
  ['Unsupported', 'text', 'l'],
  ['Warning', 'text', 'l'],
  ['MIME-Version', 'text', ''],
  ['WWW-Authenticate', 'text', ''],
  ['P-Charging-Vector', 'text', ''],
  ['Target-Dialog', 'text', ''],
  ['SIP-ETag', 'text', ''],
  ['SIP-If-Match', 'text', ''],
  ['Identity-Info', 'text', ''],
  ['Identity', 'text', ''],
  ['Subject', 'text', ''],
];

const KNOWN: readonly KnownHeader[] = ROWS.map(([name, form, traits, kind], index) => ({
  id: index + 1,
  name,
  lower: name.toLowerCase(),
  kind: kind ?? KIND.other,
  form,
  single: traits.includes('s'),
  list: traits.includes('l'),
}));

/** By lower-case name and by RFC spelling, which is how our own code writes it. */
const BY_NAME: ReadonlyMap<string, KnownHeader> = new Map(
  KNOWN.flatMap((header) => [
    [header.lower, header],
    [header.name, header],
  ]),
);

/** The headers the guard must recognise, by length of their name: a message's every header is looked up here. */
const GUARDED_BY_LENGTH: readonly (readonly Candidate[])[] = Array.from(
  { length: 32 },
  (_, length) =>
    KNOWN.filter(
      (header) =>
        header.lower.length === length &&
        (header.kind !== KIND.other || header.form !== 'text' || header.single),
    ).map((header) => ({ id: header.id, codes: Buffer.from(header.lower, 'latin1') })),
);

interface Candidate {
  readonly id: number;
  readonly codes: Codes;
}

/** Ids run from 1 to this. */
export const ID_MAX = ROWS.length;

/** The header of an id that guardedId gave. */
export function headerById(id: number): KnownHeader | undefined {
  return KNOWN[id - 1];
}

/**
 * The id of the guarded header whose name stands at a span of checked token characters; 0 for any other.
 * No string is cut: this runs for each header of each message.
 */
export function guardedId(codes: Codes, start: number, end: number): number {
  const candidates = GUARDED_BY_LENGTH[end - start];
  if (candidates === undefined) return 0;
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[i];
    if (candidate === undefined) continue;
    const name = candidate.codes;
    let at = 0;
    while (at < name.length && ((codes[start + at] ?? 0) | 0x20) === name[at]) at += 1;
    if (at === name.length) return candidate.id;
  }
  return 0;
}

/** What is known of a header by its name in any case. */
export function knownHeader(name: string): KnownHeader | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.toLowerCase());
}

/** Compact forms of the IANA registry "SIP Header Fields". */
const COMPACT: ReadonlyMap<string, string> = new Map([
  ['a', 'Accept-Contact'],
  ['b', 'Referred-By'],
  ['c', 'Content-Type'],
  ['d', 'Request-Disposition'],
  ['e', 'Content-Encoding'],
  ['f', 'From'],
  ['i', 'Call-ID'],
  ['j', 'Reject-Contact'],
  ['k', 'Supported'],
  ['l', 'Content-Length'],
  ['m', 'Contact'],
  ['n', 'Identity-Info'],
  ['o', 'Event'],
  ['r', 'Refer-To'],
  ['s', 'Subject'],
  ['t', 'To'],
  ['u', 'Allow-Events'],
  ['v', 'Via'],
  ['x', 'Session-Expires'],
  ['y', 'Identity'],
]);

/** The full name of a compact form (any case); the name itself when it isn't one. */
export function expandedName(name: string): string {
  return name.length === 1 ? (COMPACT.get(name.toLowerCase()) ?? name) : name;
}
