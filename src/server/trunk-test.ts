// `trunk test`: OPTIONS to every gateway of a trunk from a socket of its own, and what came back.
import type { ClientTxnId, Flow, HostPort, LocalPoint, Random, SendTarget } from '../base/index.ts';
import { clientTxnId, hostPortText } from '../base/index.ts';
import type { Terminal, TrunkTestOptions } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { Settings } from '../config/index.ts';
import type { OutgoingRequest, SipInput, SipOutput } from '../sip/index.ts';
import { SipCore } from '../sip/index.ts';
import type { SipTransport } from '../transport/index.ts';
import { createTicker, openSipTransport, systemNow } from '../transport/index.ts';
import type { Gateway } from '../trunks/index.ts';
import { buildTrunkBook } from '../trunks/index.ts';
import { secureRandom } from './chance.ts';
import { openLog } from './log.ts';
import { transportLimits } from './transport-limits.ts';

const TRANSACTIONS_MAX = 64;

/** What became of one gateway's OPTIONS. */
export interface Verdict {
  readonly gateway: string;
  /** Null when nothing came. */
  readonly status: number | null;
  readonly reason: string;
  readonly milliseconds: number;
}

/** Tests one gateway after the other. @returns 1 for an unknown trunk, one without gateways, or a gateway that isn't fit. */
export async function testTrunk(
  settings: Settings,
  options: TrunkTestOptions,
  terminal: Terminal,
): Promise<number> {
  const book = buildTrunkBook(settings);
  const trunk = book.ok ? book.value.trunks.find(({ name }) => name === options.trunk) : undefined;
  if (trunk === undefined) {
    const known = settings.trunks.map(({ name }) => name).join(', ');
    terminal.complain(`no trunk is named ${options.trunk} (known: ${known || 'none'})`);
    return EXIT.failed;
  }
  if (trunk.gateways.length === 0) {
    terminal.complain(`trunk ${trunk.name} has no gateways to test`);
    return EXIT.failed;
  }
  const verdicts: Verdict[] = [];
  for (const gateway of trunk.gateways) {
    verdicts.push(await probe(gateway, settings, options.timeoutS * 1000));
  }
  if (options.json) terminal.print(JSON.stringify({ trunk: trunk.name, gateways: verdicts }));
  else {
    for (const { gateway, status, reason, milliseconds } of verdicts) {
      terminal.print(`${gateway}  ${status ?? '-'} ${reason}  ${milliseconds.toFixed(0)} ms`);
    }
  }
  return verdicts.every(isFit) ? EXIT.ok : EXIT.failed;
}

/** Any answer shows a gateway that lives, but for those that say "send me nothing": 408 and 503. */
export function isFit({ status }: Verdict): boolean {
  return status !== null && status !== 408 && status !== 503;
}

/**
 * Our side of a probe: the address the node itself would send from, on any free port; the wildcard where it listens on
 * nothing that fits.
 */
export function probeLocal(target: SendTarget, listeners: readonly LocalPoint[]): LocalPoint {
  const wantsV6 = target.host.includes(':');
  const fitting = listeners.find(
    ({ transport, bind }) => transport === target.transport && bind.host.includes(':') === wantsV6,
  );
  const host = wantsV6 ? '::' : '0.0.0.0';
  const { bind, advertise } = fitting ?? { bind: { host }, advertise: { host } };
  return {
    transport: target.transport,
    bind: { host: bind.host, port: 0 },
    advertise: { host: advertise.host, port: 0 },
  };
}

async function probe(gateway: Gateway, settings: Settings, timeoutMs: number): Promise<Verdict> {
  const startedAt = performance.now();
  let feed: (input: SipInput) => void = () => undefined;
  const opened = await openSipTransport({
    locals: [probeLocal(gateway.target, settings.listen.sip)],
    limits: transportLimits(settings),
    log: openLog('silent', 'trunk-test'),
    onMessage: (flow: Flow, bytes: Buffer) => feed({ kind: 'received', flow, bytes }),
    onSendFailed: (txn: ClientTxnId) => feed({ kind: 'sendFailed', txn }),
  });
  const outcome = opened.ok
    ? await new Promise<Outcome>((resolve) => {
        const asking = new Asking(opened.value, resolve);
        feed = (input) => asking.feed(input);
        asking.ask(gateway.target, timeoutMs);
      })
    : { status: null, reason: opened.error.message };
  if (opened.ok) await opened.value.close();
  return { gateway: gateway.uri, ...outcome, milliseconds: performance.now() - startedAt };
}

type Outcome = Pick<Verdict, 'status' | 'reason'>;

/** One OPTIONS from the first byte to its outcome, which is told once. */
class Asking {
  readonly #transport: SipTransport;
  readonly #tell: (outcome: Outcome) => void;
  readonly #random = secureRandom();
  readonly #sip: SipCore;
  readonly #ticker = createTicker(() => {
    this.#carry(this.#sip.handleDeadline(systemNow().mono));
    return this.#sip.nextDeadline;
  });
  #limit: NodeJS.Timeout | null = null;

  constructor(transport: SipTransport, tell: (outcome: Outcome) => void) {
    this.#transport = transport;
    this.#tell = tell;
    const limits = { transactionsMax: TRANSACTIONS_MAX };
    this.#sip = new SipCore({ random: this.#random, locals: transport.locals, limits });
  }

  ask(target: SendTarget, timeoutMs: number): void {
    this.#limit = setTimeout(() => this.#end({ status: null, reason: 'no answer' }), timeoutMs);
    const from = this.#transport.locals[0]?.advertise ?? target;
    const request = optionsRequest(target, from, this.#random);
    this.feed({ kind: 'request', txn: clientTxnId(1), target, request });
  }

  feed(input: SipInput): void {
    this.#carry(this.#sip.handle(systemNow().mono, input));
    this.#ticker.arm(this.#sip.nextDeadline);
  }

  #carry(outputs: readonly SipOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'send') this.#transport.send(output.to, output.bytes, output.txn);
      else if (output.kind === 'requestFailed') {
        const reason = output.why === 'timeout' ? 'no answer' : 'unreachable';
        this.#end({ status: null, reason });
      } else if (output.kind === 'responseReceived' && output.response.status >= 200) {
        this.#end({ status: output.response.status, reason: output.response.reason });
      }
    }
  }

  #end(outcome: Outcome): void {
    if (this.#limit !== null) clearTimeout(this.#limit);
    this.#ticker.close();
    this.#tell(outcome);
  }
}

function optionsRequest(target: SendTarget, from: HostPort, random: Random): OutgoingRequest {
  const parameter = target.transport === 'udp' ? '' : `;transport=${target.transport}`;
  const uri = `sip:${hostPortText(target)}${parameter}`;
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
