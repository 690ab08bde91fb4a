// Reads a session description (RFC 8866 §5) into what was written. Meaning is the other files' business.
// Tolerant where equipment in the field is odd and nothing hangs on it (line ends, order, missing s= and t=),
// strict where two readers could understand different things.
import { err, ok, type CodedError, type Result } from '../../base/index.ts';
import { decodeRtcp, decodeRtpmap } from './attributes.ts';
import { SDP_LIMITS } from './limits.ts';
import type { Sdp, SdpAttribute, SdpConnection, SdpMedia, SdpOrigin } from './types.ts';

const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const TOKEN = /^[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+$/;
const MEDIA = /^([^ \t]+)[ \t]+(\d{1,5})(?:\/(\d{1,3}))?[ \t]+([^ \t]+)(?:[ \t]+(.*))?$/;
const PROTO = /^[!#$%&'*+.0-9A-Z^_`a-z{|}~/-]+$/;
const CONNECTION = /^IN[ \t]+(IP[46])[ \t]+(\S+)$/i;
const PORT_MAX = 65_535;

type Pair = readonly [letter: string, value: string];

/** A section while its lines come in. */
interface Section {
  readonly head: Pick<SdpMedia, 'kind' | 'port' | 'portCount' | 'proto' | 'formats'> | null;
  readonly connections: SdpConnection[];
  readonly bandwidths: string[];
  readonly attributes: SdpAttribute[];
  readonly notes: Pair[];
  key: string | null;
}

interface Draft {
  readonly session: Section;
  readonly media: Section[];
  readonly times: Pair[];
  origin: SdpOrigin | null;
  sessionName: string | null;
}

const newSection = (head: Section['head']): Section => ({
  head,
  connections: [],
  bandwidths: [],
  attributes: [],
  notes: [],
  key: null,
});

const malformed = (where: string, what: string): CodedError => ({
  code: 'SDP_MALFORMED',
  message: `SDP ${where}: ${what}`,
});

/** The start of a value, fit for an error message and a reason phrase. */
function shown(text: string): string {
  return `"${text.slice(0, 40).replace(/[^ -~]/g, '?')}"`;
}

/**
 * Parses a body of type application/sdp.
 * @param text at most `SDP_LIMITS.bodyBytes`; a Buffer is read as UTF-8.
 * @returns the description as written, or SDP_MALFORMED naming the line (from 1) and what is wrong with it. Pure;
 * linear in the length.
 */
export function parseSdp(text: string | Buffer): Result<Sdp, CodedError> {
  if (text.length > SDP_LIMITS.bodyBytes) {
    return err(malformed('body', `${text.length} bytes, at most ${SDP_LIMITS.bodyBytes}`));
  }
  const lines = (typeof text === 'string' ? text : text.toString('utf8')).split(
    '\n',
    SDP_LIMITS.lines + 1,
  );
  if (lines.length > SDP_LIMITS.lines)
    return err(malformed('body', `more than ${SDP_LIMITS.lines} lines`));
  const trimmed = lines.map((line) => line.trimEnd());
  while (trimmed.length > 0 && trimmed.at(-1) === '') trimmed.pop();
  if (trimmed[0] !== 'v=0')
    return err(malformed('line 1', `must be "v=0", is ${shown(trimmed[0] ?? '')}`));
  const draft: Draft = {
    session: newSection(null),
    media: [],
    times: [],
    origin: null,
    sessionName: null,
  };
  for (let i = 1; i < trimmed.length; i += 1) {
    const problem = readLine(draft, trimmed[i] ?? '');
    if (problem !== null) return err(malformed(`line ${i + 1}`, problem));
  }
  return ok(finished(draft));
}

function finished(draft: Draft): Sdp {
  return {
    origin: draft.origin,
    sessionName: draft.sessionName ?? '-',
    notes: draft.session.notes,
    connection: draft.session.connections[0] ?? null,
    bandwidths: draft.session.bandwidths,
    times: draft.times.length > 0 ? draft.times : [['t', '0 0']],
    key: draft.session.key,
    attributes: draft.session.attributes,
    media: draft.media.flatMap((section) => finishedMedia(section) ?? []),
  };
}

function finishedMedia(section: Section): SdpMedia | null {
  const { head, connections, bandwidths, attributes, notes, key } = section;
  if (head === null) return null;
  const { kind, port, portCount, proto, formats } = head;
  const title = notes[0]?.[1] ?? null;
  return {
    kind,
    port,
    portCount,
    proto,
    formats,
    title,
    connections,
    bandwidths,
    key,
    attributes,
  };
}

/** Takes one line into the draft; returns what is wrong with it, or null. */
function readLine(draft: Draft, line: string): string | null {
  if (line.length > SDP_LIMITS.lineLength) return `longer than ${SDP_LIMITS.lineLength} characters`;
  if (CONTROL.test(line)) return 'holds a control character';
  if (line[1] !== '=') return `is no "type=value" line: ${shown(line)}`;
  const letter = line[0] ?? '';
  const value = line.slice(2);
  const section = draft.media.at(-1) ?? draft.session;
  switch (letter) {
    case 'a':
      return readAttribute(section, value);
    case 'm':
      return readMedia(draft, value);
    case 'c':
      return readConnection(section, value);
    case 'b':
      return push(section.bandwidths, value, 'b=');
    case 'k':
      section.key = value;
      return null;
    case 'i':
      return section.head !== null && section.notes.length > 0
        ? 'a second i= in one section'
        : push(section.notes, [letter, value], 'i=');
    default:
      return section.head === null
        ? readSessionLine(draft, letter, value)
        : `${shown(line)} after the first m=`;
  }
}

function readSessionLine(draft: Draft, letter: string, value: string): string | null {
  switch (letter) {
    case 'o':
      return readOrigin(draft, value);
    case 's':
      if (draft.sessionName !== null) return 'a second s=';
      draft.sessionName = value === '' ? '-' : value;
      return null;
    case 'u':
    case 'e':
    case 'p':
      return push(draft.session.notes, [letter, value], `${letter}=`);
    case 't':
    case 'r':
    case 'z':
      return push(draft.times, [letter, value], `${letter}=`);
    case 'v':
      return 'a second v=';
    default:
      // RFC 8866 §5: a description with an unknown type letter is not ours to guess at.
      return `unknown type "${letter.replace(/[^ -~]/, '?')}"`;
  }
}

function push<T>(list: T[], item: T, what: string): string | null {
  if (list.length >= SDP_LIMITS.minorLines)
    return `more than ${SDP_LIMITS.minorLines} ${what} lines`;
  list.push(item);
  return null;
}

/** RFC 8866 §5.2. User names with spaces are met in the field, so the five fixed fields are taken from the end. */
function readOrigin(draft: Draft, value: string): string | null {
  if (draft.origin !== null) return 'a second o=';
  const fields = value.split(/[ \t]+/);
  const [sessionId, version, netType, addressType, address] = fields.slice(-5);
  if (
    fields.length < 6 ||
    sessionId === undefined ||
    version === undefined ||
    address === undefined
  ) {
    return `o= needs six fields: ${shown(value)}`;
  }
  const type = addressType?.toUpperCase();
  if (netType?.toUpperCase() !== 'IN' || (type !== 'IP4' && type !== 'IP6')) {
    return `o= is neither IN IP4 nor IN IP6: ${shown(value)}`;
  }
  draft.origin = {
    username: fields.slice(0, -5).join(' '),
    sessionId,
    version,
    addressType: type,
    address,
  };
  return null;
}

/** RFC 8866 §5.7. Only a section may have several; for a session the first and the last reader would differ. */
function readConnection(section: Section, value: string): string | null {
  const [, type, address] = CONNECTION.exec(value) ?? [];
  if (type === undefined || address === undefined)
    return `c= is not "IN IP4|IP6 address": ${shown(value)}`;
  if (section.head === null && section.connections.length > 0) return 'a second c= for the session';
  const addressType = type.toUpperCase() === 'IP6' ? 'IP6' : 'IP4';
  return push(section.connections, { addressType, address }, 'c=');
}

/** RFC 8866 §5.14. A refused section without any format is met in the field and harmless. */
function readMedia(draft: Draft, value: string): string | null {
  if (draft.media.length >= SDP_LIMITS.media) return `more than ${SDP_LIMITS.media} m= lines`;
  const [, kind = '', port = '', count = '1', proto = '', rest = ''] = MEDIA.exec(value) ?? [];
  if (!TOKEN.test(kind) || !PROTO.test(proto))
    return `m= is not "media port proto formats": ${shown(value)}`;
  if (Number(port) > PORT_MAX) return `m= port ${port} is above ${PORT_MAX}`;
  if (Number(count) < 1) return 'm= counts no ports';
  const formats = rest.split(/[ \t]+/).filter((format) => format !== '');
  if (formats.length > SDP_LIMITS.formats) return `m= has more than ${SDP_LIMITS.formats} formats`;
  if (formats.length === 0 && Number(port) !== 0) return 'm= names no format';
  const strange = formats.find((format) => !PROTO.test(format));
  if (strange !== undefined) return `m= format ${shown(strange)} is no token`;
  const head = {
    kind: kind.toLowerCase(),
    port: Number(port),
    portCount: Number(count),
    proto,
    formats,
  };
  draft.media.push(newSection(head));
  return null;
}

/** RFC 8866 §5.13. What an audio section is understood by must be readable; the rest is kept as it is. */
function readAttribute(section: Section, line: string): string | null {
  if (section.attributes.length >= SDP_LIMITS.attributes)
    return `more than ${SDP_LIMITS.attributes} attributes`;
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? null : line.slice(colon + 1);
  if (!TOKEN.test(name)) return `a= has no proper name: ${shown(line)}`;
  if (section.head?.kind === 'audio') {
    if (name === 'rtpmap' && decodeRtpmap(value ?? '') === null)
      return `malformed a=rtpmap: ${shown(value ?? '')}`;
    if (name === 'rtcp' && decodeRtcp(value ?? '') === null)
      return `malformed a=rtcp: ${shown(value ?? '')}`;
  }
  section.attributes.push({ name, value });
  return null;
}
