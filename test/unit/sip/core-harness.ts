// Drives one SipCore on simulated time: builds messages, feeds them, and writes what came out as
// short lines.
import { monoMs, seededRandom } from '../../../src/base/index.ts';
import type {
  Flow,
  LocalPoint,
  SendTarget,
  ServerTxnId,
  TransportKind,
} from '../../../src/base/index.ts';
import { SipCore } from '../../../src/sip/core.ts';
import type {
  HeaderLines,
  OutgoingRequest,
  OutgoingResponse,
  SipInput,
  SipOutput,
} from '../../../src/sip/types.ts';

export const LOCALS: readonly LocalPoint[] = [
  point('udp', '10.0.0.1', 5060),
  point('udp', '2001:db8::1', 5060),
  point('tcp', '10.0.0.1', 5062),
];

function point(transport: TransportKind, host: string, port: number): LocalPoint {
  return { transport, bind: { host, port }, advertise: { host, port } };
}

/** A peer whose datagrams come from 192.0.2.9, port 5060 unless said otherwise. */
export function flowOf(transport: TransportKind, port = 5060): Flow {
  return { id: 1, transport, remote: { host: '192.0.2.9', port } };
}

export const PEER: SendTarget = { transport: 'udp', host: '192.0.2.9', port: 5060 };

interface RequestOptions {
  readonly via?: string;
  readonly branch?: string | null;
  readonly callId?: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly cseq?: number;
  readonly cseqMethod?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** The bytes of a request from the peer. */
export function requestBytes(method: string, options: RequestOptions = {}): Buffer {
  const branch = options.branch === undefined ? 'z9hG4bKpeer1' : options.branch;
  const via = options.via ?? 'SIP/2.0/UDP 192.0.2.9:5060;rport';
  const body = options.body ?? '';
  return Buffer.from(
    [
      `${method} sip:bob@10.0.0.1 SIP/2.0`,
      `Via: ${via}${branch === null ? '' : `;branch=${branch}`}`,
      'Max-Forwards: 70',
      `From: <sip:alice@192.0.2.9>;tag=${options.fromTag ?? 'fa'}`,
      `To: <sip:bob@10.0.0.1>${options.toTag === undefined ? '' : `;tag=${options.toTag}`}`,
      `Call-ID: ${options.callId ?? 'call-1'}`,
      `CSeq: ${options.cseq ?? 1} ${options.cseqMethod ?? method}`,
      'Contact: <sip:alice@192.0.2.9:5060>',
      ...(options.headers ?? []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** A response of the peer to one of our requests, as its bytes went out. */
export function responseBytes(
  request: Buffer,
  status: number,
  options: { toTag?: string; headers?: readonly string[]; cseq?: string } = {},
): Buffer {
  const lines = headLines(request);
  const pick = (name: string): string[] => lines.filter((line) => line.startsWith(`${name}:`));
  const to = pick('To').map((line) =>
    options.toTag === undefined || line.includes(';tag=') ? line : `${line};tag=${options.toTag}`,
  );
  return Buffer.from(
    [
      `SIP/2.0 ${status} Whatever`,
      ...pick('Via'),
      ...pick('From'),
      ...to,
      ...pick('Call-ID'),
      ...(options.cseq === undefined ? pick('CSeq') : [`CSeq: ${options.cseq}`]),
      ...(options.headers ?? []),
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
}

export function headLines(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\r\n\r\n', 1)[0]?.split('\r\n') ?? [];
}

export function headerOf(bytes: Buffer, name: string): string | null {
  const line = headLines(bytes).find((l) => l.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line === undefined ? null : line.slice(line.indexOf(':') + 1).trim();
}

/** A request that we send. */
export function ourRequest(method: string, headers: HeaderLines = []): OutgoingRequest {
  return {
    method,
    uri: 'sip:carol@192.0.2.9',
    headers: [
      ['Max-Forwards', '70'],
      ['From', '<sip:us@10.0.0.1>;tag=ours'],
      ['To', '<sip:carol@192.0.2.9>'],
      ['Call-ID', 'our-call'],
      ['CSeq', `7 ${method}`],
      ['Contact', '<sip:us@10.0.0.1:5060>'],
      ...headers,
    ],
    body: null,
  };
}

export function ourResponse(status: number, headers: HeaderLines = []): OutgoingResponse {
  return { status, reason: null, toTag: status === 100 ? null : 'ours', headers, body: null };
}

export class CoreHarness {
  readonly core: SipCore;
  nowMs = 0;

  constructor(options: { transactionsMax?: number; seed?: number } = {}) {
    this.core = new SipCore({
      random: seededRandom(options.seed ?? 1),
      locals: LOCALS,
      limits: { transactionsMax: options.transactionsMax ?? 1000 },
    });
  }

  give(input: SipInput): readonly SipOutput[] {
    return this.core.handle(monoMs(this.nowMs), input);
  }

  receive(bytes: Buffer, flow: Flow = flowOf('udp')): readonly SipOutput[] {
    return this.give({ kind: 'received', flow, bytes });
  }

  /** Lets the time run, deadline by deadline; gives every output as "<ms> <line>". */
  runUntil(untilMs: number): string[] {
    const lines: string[] = [];
    for (;;) {
      const deadline = this.core.nextDeadline;
      if (deadline === null || deadline > untilMs) break;
      this.nowMs = deadline;
      for (const output of this.core.handleDeadline(deadline)) {
        lines.push(`${this.nowMs} ${lineOf(output)}`);
      }
    }
    this.nowMs = untilMs;
    return lines;
  }
}

/** One output as a line: what a reader of a test wants to see. */
export function lineOf(output: SipOutput): string {
  switch (output.kind) {
    case 'send': {
      const [start = ''] = headLines(output.bytes);
      const what = start.startsWith('SIP/2.0') ? start.split(' ')[1] : start.split(' ')[0];
      const to = 'remote' in output.to ? output.to.remote : output.to;
      return `send ${what} to ${to.host}:${to.port}`;
    }
    case 'requestReceived':
      return `requestReceived ${output.request.method}`;
    case 'ackReceived':
      return `ackReceived ${output.request.cseq.number}`;
    case 'cancelled':
      return output.reason === null ? 'cancelled' : `cancelled ${output.reason}`;
    case 'responseReceived':
      return `responseReceived ${output.response.status} ${output.response.to.tag ?? '-'}`;
    case 'requestFailed':
      return `requestFailed ${output.why}`;
    case 'ackMissing':
      return 'ackMissing';
    case 'refused':
      return `refused ${output.error.code}${output.answered ? ' answered' : ''}`;
  }
}

export function lines(outputs: readonly SipOutput[]): string[] {
  return outputs.map(lineOf);
}

/** The bytes of the first thing sent. */
export function sentBytes(outputs: readonly SipOutput[]): Buffer {
  const send = outputs.find((output) => output.kind === 'send');
  if (send?.kind !== 'send') throw new Error(`nothing was sent: ${lines(outputs).join(', ')}`);
  return send.bytes;
}

/** The number of the first server transaction in outputs. */
export function serverTxnOf(outputs: readonly SipOutput[]): ServerTxnId {
  const received = outputs.find((output) => output.kind === 'requestReceived');
  if (received?.kind !== 'requestReceived') throw new Error(`no request: ${lines(outputs).join()}`);
  return received.txn;
}
