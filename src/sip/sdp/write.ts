// Writes a session description in the order RFC 8866 §5 demands, with CRLF.
import type { Sdp, SdpAttribute, SdpConnection, SdpMedia } from './types.ts';

const CR = 0x0d;
const LF = 0x0a;

/**
 * The text of a description; what `parseSdp` read comes out the same but for line ends, order and odd spaces.
 * @throws when a value holds CR, LF or NUL: a line was about to be smuggled in by our own code.
 */
export function writeSdp(sdp: Sdp): string {
  const lines = ['v=0'];
  const { origin } = sdp;
  if (origin !== null) {
    const { username, sessionId, version, addressType, address } = origin;
    lines.push(`o=${username} ${sessionId} ${version} IN ${addressType} ${address}`);
  }
  lines.push(`s=${sdp.sessionName}`);
  for (const [letter, value] of sdp.notes) lines.push(`${letter}=${value}`);
  if (sdp.connection !== null) lines.push(connectionLine(sdp.connection));
  for (const value of sdp.bandwidths) lines.push(`b=${value}`);
  for (const [letter, value] of sdp.times) lines.push(`${letter}=${value}`);
  if (sdp.key !== null) lines.push(`k=${sdp.key}`);
  pushAttributes(lines, sdp.attributes);
  for (const media of sdp.media) pushMedia(lines, media);
  const text = `${lines.join('\r\n')}\r\n`;
  // Every line brings exactly one CRLF; any other CR, LF or NUL came in by a value.
  if (text.includes('\0') || lineEnds(text) !== lines.length) {
    throw new Error('an SDP value holds a line end or NUL');
  }
  return text;
}

/** How often CRLF, CR alone or LF alone stand in a text. */
function lineEnds(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const ends = code === CR ? text.charCodeAt(i + 1) !== LF : code === LF;
    if (ends) count += 1;
  }
  return count;
}

function pushMedia(lines: string[], media: SdpMedia): void {
  const port = media.portCount === 1 ? String(media.port) : `${media.port}/${media.portCount}`;
  lines.push(`m=${[media.kind, port, media.proto, ...media.formats].join(' ')}`);
  if (media.title !== null) lines.push(`i=${media.title}`);
  for (const connection of media.connections) lines.push(connectionLine(connection));
  for (const value of media.bandwidths) lines.push(`b=${value}`);
  if (media.key !== null) lines.push(`k=${media.key}`);
  pushAttributes(lines, media.attributes);
}

function pushAttributes(lines: string[], attributes: readonly SdpAttribute[]): void {
  for (const { name, value } of attributes)
    lines.push(value === null ? `a=${name}` : `a=${name}:${value}`);
}

function connectionLine({ addressType, address }: SdpConnection): string {
  return `c=IN ${addressType} ${address}`;
}
