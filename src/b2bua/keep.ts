// What a standing call keeps of what it was told. Text cut out of a message holds the whole message in memory, and most calls
// of a carrier bring the same codecs in the same order: copies and shared lists keep a call at a few kilobytes.
import type { AnchoredSdp, AudioCodec, AudioDescription, MediaLine } from '../sip/index.ts';
import { detached } from '../sip/index.ts';

/** Lists shared at most; a stranger who varies his codecs endlessly gets lists of his own, which go with his calls. */
const SHARED_MAX = 1_000;

const codecLists = new Map<string, readonly AudioCodec[]>();
const lineLists = new Map<string, readonly MediaLine[]>();

/** The same description in as little memory as its facts need. */
export function keptDescription(description: AudioDescription): AudioDescription {
  const { remoteRtp, remoteRtcp } = description;
  return {
    ...description,
    lines: keptLines(description.lines),
    codecs: keptCodecs(description.codecs),
    remoteRtp: remoteRtp === null ? null : { host: detached(remoteRtp.host), port: remoteRtp.port },
    remoteRtcp:
      remoteRtcp === null ? null : { host: detached(remoteRtcp.host), port: remoteRtcp.port },
    timing: detached(description.timing),
  };
}

/** The same description of ours in as little memory as its facts need. */
export function keptSdp(sdp: AnchoredSdp): AnchoredSdp {
  return {
    ...sdp,
    text: detached(sdp.text),
    audio: keptDescription(sdp.audio),
    bound: keptCodecs(sdp.bound),
  };
}

function keptCodecs(codecs: readonly AudioCodec[]): readonly AudioCodec[] {
  let key = '';
  for (const { name, payloadType, clockRateHz, channels, fmtp } of codecs) {
    key += `${name} ${payloadType} ${clockRateHz} ${channels} ${fmtp ?? '\n'}\r`;
  }
  return shared(codecLists, key, () =>
    codecs.map((codec) => ({ ...codec, fmtp: codec.fmtp === null ? null : detached(codec.fmtp) })),
  );
}

function keptLines(lines: readonly MediaLine[]): readonly MediaLine[] {
  let key = '';
  for (const { kind, proto, formats } of lines) key += `${kind} ${proto} ${formats.join(' ')}\r`;
  return shared(lineLists, key, () =>
    lines.map(({ kind, proto, formats }) => ({
      kind: detached(kind),
      proto: detached(proto),
      formats: formats.map(detached),
    })),
  );
}

function shared<T>(
  lists: Map<string, readonly T[]>,
  key: string,
  copy: () => readonly T[],
): readonly T[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list = copy();
  if (lists.size < SHARED_MAX) lists.set(detached(key), list);
  return list;
}
