// Decodes the attributes that offer/answer acts on. Parser and media view share these, so both read alike.
import { SDP_LIMITS } from './limits.ts';
import type { Direction, RtpMap } from './types.ts';

const RTPMAP = /^(\d{1,3})[ \t]+([!-.0-~]+)\/(\d{1,6})(?:\/(\d{1,2}))?$/;
const FMTP = /^(\d{1,3})[ \t]+(\S.*)$/;
const PRINTABLE = /^[ -~]+$/;
const RTCP = /^(\d{1,5})(?:[ \t]+IN[ \t]+IP[46][ \t]+(\S+))?$/i;
const PTIME = /^(\d{1,4})(?:\.\d{1,3})?$/;
const PAYLOAD_TYPE_MAX = 127;
const PTIME_MS_MAX = 1_000;
const PORT_MAX = 65_535;

/** `a=rtpmap` (RFC 8866 §6.6); null when malformed. */
export function decodeRtpmap(value: string): RtpMap | null {
  const [, type, encoding, clock, channels] = RTPMAP.exec(value) ?? [];
  if (encoding === undefined) return null;
  const payloadType = Number(type);
  const clockRateHz = Number(clock);
  if (payloadType > PAYLOAD_TYPE_MAX || clockRateHz === 0) return null;
  return { payloadType, encoding, clockRateHz, channels: Math.max(1, Number(channels ?? 1)) };
}

/** `a=fmtp` of a numeric format (RFC 8866 §6.15); null when it has another form or may not be passed on. */
export function decodeFmtp(
  value: string,
): readonly [payloadType: number, parameters: string] | null {
  const [, type, parameters] = FMTP.exec(value) ?? [];
  if (parameters === undefined || Number(type) > PAYLOAD_TYPE_MAX) return null;
  if (parameters.length > SDP_LIMITS.fmtpLength || !PRINTABLE.test(parameters)) return null;
  return [Number(type), parameters];
}

/** `a=rtcp` (RFC 3605 §2.1); port 0 stands for none. Null when malformed; the address is not judged here. */
export function decodeRtcp(
  value: string,
): { readonly port: number; readonly address: string | null } | null {
  const match = RTCP.exec(value);
  const port = Number(match?.[1]);
  return match === null || port > PORT_MAX ? null : { port, address: match[2] ?? null };
}

/** `a=ptime` and `a=maxptime` in ms; null when out of 1 to 1000: some phones write 0 for "no wish". */
export function decodePtime(value: string | null): number | null {
  const milliseconds = Number(PTIME.exec(value ?? '')?.[1] ?? 0);
  return milliseconds >= 1 && milliseconds <= PTIME_MS_MAX ? milliseconds : null;
}

/** The direction that an attribute's name is; null for every other name. */
export function decodeDirection(name: string): Direction | null {
  switch (name) {
    case 'sendrecv':
    case 'sendonly':
    case 'recvonly':
    case 'inactive':
      return name;
    default:
      return null;
  }
}

/** RFC 3551 §6, tables 4 and 5 (audio). Built once; never changed. */
const STATIC_RTPMAPS: ReadonlyMap<number, RtpMap> = new Map(
  (
    [
      [0, 'PCMU', 8_000, 1],
      [3, 'GSM', 8_000, 1],
      [4, 'G723', 8_000, 1],
      [5, 'DVI4', 8_000, 1],
      [6, 'DVI4', 16_000, 1],
      [7, 'LPC', 8_000, 1],
      [8, 'PCMA', 8_000, 1],
      [9, 'G722', 8_000, 1],
      [10, 'L16', 44_100, 2],
      [11, 'L16', 44_100, 1],
      [12, 'QCELP', 8_000, 1],
      [13, 'CN', 8_000, 1],
      [14, 'MPA', 90_000, 1],
      [15, 'G728', 8_000, 1],
      [16, 'DVI4', 11_025, 1],
      [17, 'DVI4', 22_050, 1],
      [18, 'G729', 8_000, 1],
    ] as const
  ).map(([payloadType, encoding, clockRateHz, channels]) => [
    payloadType,
    { payloadType, encoding, clockRateHz, channels },
  ]),
);

/** The static assignment of an audio payload type; null for dynamic and unassigned ones. */
export function staticRtpmap(payloadType: number): RtpMap | null {
  return STATIC_RTPMAPS.get(payloadType) ?? null;
}
