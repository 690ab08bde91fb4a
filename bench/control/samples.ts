// What the control suite works on: an INVITE as carriers send it, its session description, and a routing table of 10,000
// prefixes. The same bytes in every run.
import type { RouteSettings, TrunkSettings } from '../../src/config/index.ts';

export const SDP = [
  'v=0',
  'o=carrier 20518 1 IN IP4 192.0.2.10',
  's=-',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 30000 RTP/AVP 8 0 9 101',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=ptime:20',
  'a=sendrecv',
  '',
].join('\r\n');

export const INVITE = Buffer.from(
  [
    'INVITE sip:+441234567890@198.51.100.1:5060;user=phone SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK7d5c1f0a93b2;rport',
    'Record-Route: <sip:192.0.2.9;lr>',
    'Max-Forwards: 69',
    'From: "Alice" <sip:+442079460000@192.0.2.10;user=phone>;tag=9fxced76sl',
    'To: <sip:+441234567890@198.51.100.1;user=phone>',
    'Call-ID: 3848276298220188511@192.0.2.10',
    'CSeq: 1 INVITE',
    'Contact: <sip:+442079460000@192.0.2.10:5060;transport=udp>',
    'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK',
    'Supported: timer, 100rel',
    'Session-Expires: 1800;refresher=uac',
    'P-Asserted-Identity: <sip:+442079460000@192.0.2.10>',
    'User-Agent: carrier-sbc/7.4',
    'Content-Type: application/sdp',
    `Content-Length: ${Buffer.byteLength(SDP)}`,
    '',
    SDP,
  ].join('\r\n'),
);

const CARRIER = 'carrier';

export const TRUNKS: readonly TrunkSettings[] = [
  {
    name: CARRIER,
    allow: ['192.0.2.0/24'],
    auth: null,
    gateways: [
      {
        uri: 'sip:192.0.2.10',
        transport: 'udp',
        host: '192.0.2.10',
        port: 5060,
        priority: 1,
        weight: 1,
      },
    ],
    credentials: null,
    cps: 50,
    channels: 500,
    codecs: ['PCMA', 'PCMU', 'telephone-event'],
    transcode: 'when_needed',
    srtp: 'off',
    ptimeMs: 20,
    jitterBuffer: 'medium',
    dtmf: 'auto',
    comfortNoise: 'off',
    redundancy: 'off',
    opusBitrateBps: null,
    opusComplexity: 5,
    maxDurationS: 14_400,
    media: 'auto',
    failoverCodes: [408, 503],
    gatewayTimeoutS: 4,
    ringTimeoutS: 120,
  },
];

const ROUTES = 10_000;

/** Routes by prefixes of five digits, and a number for each. */
export function manyRoutes(): {
  readonly settings: readonly RouteSettings[];
  readonly dialled: readonly string[];
} {
  const prefixes = Array.from({ length: ROUTES }, (_, index) => String(10_000 + 7 * index));
  return {
    settings: prefixes.map((prefix) => ({
      match: { kind: 'prefix', prefix },
      strip: 0,
      add: '',
      target: { kind: 'trunks', trunks: [CARRIER] },
    })),
    dialled: prefixes.map((prefix) => `+${prefix}5550123`),
  };
}
