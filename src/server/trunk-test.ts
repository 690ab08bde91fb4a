// `trunk test`: OPTIONS to every gateway of a trunk from a socket of its own, and what came back.
import type { ClientTxnId, Flow, LocalPoint, SendTarget } from '../base/index.ts';
import { clientTxnId, hostPortText } from '../base/index.ts';
import type { Terminal, TrunkTestOptions } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { Settings } from '../config/index.ts';
import type { OutgoingRequest, SipInput, SipOutput } from '../sip/index.ts';
import { SipCore } from '../sip/index.ts';
import type { SipTransport } from '../transport/index.ts';
import { createTicker, openSipTransport, systemNow, TRANSPORT_LIMITS } from '../transport/index.ts';
import type { Gateway } from '../trunks/index.ts';
import { buildTrunkBook } from '../trunks/index.ts';
import { secureRandom } from './compose.ts';
import { openLog } from './log.ts';

interface Verdict {
  readonly gateway: string;
  /** Null when nothing came. */
  readonly status: number | null;
  readonly reason: string;
  readonly milliseconds: number;
}

/** Any answer shows a living gateway, but for those that say "send me nothing": 408 and 503. */
export async function testTrunk(settings: Settings, options: TrunkTestOptions, terminal: Terminal): Promise<number> {
  const book = buildTrunkBook(settings);
  const trunk = book.ok ? book.value.trunks.find(({ name }) => name === options.trunk) : undefined;
  if (trunk === undefined) {
    terminal.complain(`no trunk is named ${options.trunk} (known: ${settings.trunks.map(({ name }) => name).join(', ') || 'none'})`);
    return EXIT.failed;
  }
  if (trunk.gateways.length === 0) {
    terminal.complain(`trunk ${trunk.name} has no gateways to test`);
    return EXIT.failed;
  }
  const verdicts = await probe(trunk.gateways, options.timeoutS * 1000);
  if (options.json) terminal.print(JSON.stringify({ trunk: trunk.name, gateways: verdicts }));
  else {
    for (const { gateway, status, reason, milliseconds } of verdicts) {
      terminal.print(`${gateway}  ${status ?? '-'} ${reason}  ${milliseconds.toFixed(0)} ms`);
    }
  }
  const fine = verdicts.every(({ status }) => status !== null && status !== 408 && status !== 503);
  return fine ? EXIT.ok : EXIT.failed;
}

/** Our side of the probe: the wildcard address on any port, advertised by the kernel's choice towards the gateway. */
function localPoint(target: SendTarget): LocalPoint {
  const loopback = target.host.startsWith('127.') || target.host === '::1' || target.host === 'localhost';
  const v6 = target.host.includes(':');
  const host = loopback ? (v6 ? '::1' : '127.0.0.1') : v6 ? '::' : '0.0.0.0';
  return { transport: target.transport, bind: { host, port: 0 }, advertise: { host, port: 0 } };
}

async function probe(gateways: readonly Gateway[], timeoutMs: number): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const gateway of gateways) verdicts.push(await probeOne(gateway, timeoutMs));
  return verdicts;
}

async function probeOne(gateway: Gateway, timeoutMs: number): Promise<Verdict> {
  const random = secureRandom();
  const startedAt = performance.now();
  const answer = (status: number | null, reason: string): Verdict => ({
    gateway: gateway.uri,
    status,
    reason,
    milliseconds: performance.now() - startedAt,
  });
  let feed: (input: SipInput) => void = () => undefined;
  const opened = await openSipTransport({
    locals: [localPoint(gateway.target)],
    limits: TRANSPORT_LIMITS,
    log: openLog('silent', 'trunk-test'),
    onMessage: (flow: Flow, bytes: Buffer) => feed({ kind: 'received', flow, bytes }),
    onSendFailed: (txn: ClientTxnId) => feed({ kind: 'sendFailed', txn }),
  });
  if (!opened.ok) return answer(null, opened.error.message);
  const transport: SipTransport = opened.value;
  const sip = new SipCore({ random, locals: transport.locals, limits: { transactionsMax: 64 } });
  return new Promise((resolve) => {
    const ticker = createTicker(() => {
      carry(sip.handleDeadline(systemNow().mono));
      return sip.nextDeadline;
    });
    const limit = setTimeout(() => finish(answer(null, 'no answer')), timeoutMs);
    const finish = (verdict: Verdict): void => {
      clearTimeout(limit);
      ticker.close();
      void transport.close().then(() => resolve(verdict));
    };
    const carry = (outputs: readonly SipOutput[]): void => {
      for (const output of outputs) {
        if (output.kind === 'send') transport.send(output.to, output.bytes, output.txn);
        else if (output.kind === 'requestFailed') finish(answer(null, output.why === 'timeout' ? 'no answer' : 'unreachable'));
        else if (output.kind === 'responseReceived' && output.response.status >= 200) {
          finish(answer(output.response.status, output.response.reason));
        }
      }
    };
    feed = (input) => {
      carry(sip.handle(systemNow().mono, input));
      ticker.arm(sip.nextDeadline);
    };
    const request = optionsRequest(gateway.target, { random, from: transport.locals[0]?.advertise ?? gateway.target });
    feed({ kind: 'request', txn: clientTxnId(1), target: gateway.target, request });
  });
}

function optionsRequest(
  target: SendTarget,
  { random, from }: { readonly random: ReturnType<typeof secureRandom>; readonly from: { readonly host: string; readonly port: number } },
): OutgoingRequest {
  const uri = `sip:${hostPortText(target)}${target.transport === 'udp' ? '' : `;transport=${target.transport}`}`;
  return {
    method: 'OPTIONS',
    uri,
    headers: [
      ['Max-Forwards', '70'],
      ['From', `<sip:trunk-test@${hostPortText(from)}>;tag=${random.hex(8)}`],
      ['To', `<${uri}>`],
      ['Call-ID', random.hex(12)],
      ['CSeq', '1 OPTIONS'],
      ['Accept', 'application/sdp'],
    ],
    body: null,
  };
}
