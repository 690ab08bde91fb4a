// Callers and callees round one engine: SIPp processes with an address, a port and a place for their files each.
import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';
import type { Ended } from './child.ts';
import type { EngineSettings, TrunkSetting } from './engine.ts';
import { Engine, WorkFolder } from './engine.ts';
import { ADDRESSES, freeMediaPort, freePort, until } from './loopback.ts';
import type { SippOptions, SippProcess, SippResult } from './sipp.ts';
import { startSipp } from './sipp.ts';

export type Transport = 'udp' | 'tcp';

type PartyOptions = Partial<Omit<SippOptions, 'workDir' | 'local' | 'remote'>> & {
  readonly scenario: string;
  readonly host?: string;
};

export interface Callees {
  readonly process: SippProcess;
  /** For a trunk's `gateways`. */
  readonly uri: string;
}

/** Time for a process to open its sockets. */
const OPEN_LIMIT_MS = 10_000;
const RUN_LIMIT_S = 240;
/** Above the engine's media ports. Parties on one address must not share media ports. */
const MEDIA_PORT_MIN = 31_000;
const MEDIA_PORTS_EACH = 2000;

/** One test's processes and files; `close` ends and removes all of them, however the test ended. */
export class Parties {
  readonly work = new WorkFolder();
  readonly transport: Transport;
  readonly #processes: SippProcess[] = [];
  #started = 0;
  #engine: Engine | null = null;

  constructor(transport: Transport = 'udp') {
    this.transport = transport;
  }

  /** Starts, or after a kill restarts, the engine over this test's data. */
  async engine(settings: EngineSettings): Promise<Engine> {
    this.#engine = await Engine.start(this.work.folder('engine'), settings);
    return this.#engine;
  }

  /** Starts callees, who serve until they are stopped. */
  async callees(options: PartyOptions): Promise<Callees> {
    const host = options.host ?? ADDRESSES.callee;
    const local = { host, port: await freePort(host) };
    const process = await this.#start(options, { local, remote: null });
    await this.#listens(process, local, this.#transportOf(options));
    const parameter = this.#transportOf(options) === 'tcp' ? ';transport=tcp' : '';
    return { process, uri: `sip:${host}:${local.port}${parameter}` };
  }

  /** Starts callers towards the engine, or towards another party. */
  async callers(
    options: PartyOptions & { readonly calls: number; readonly remote?: SippOptions['remote'] },
  ): Promise<SippProcess> {
    const host = options.host ?? ADDRESSES.caller;
    const remote = options.remote ?? this.#engine?.sip;
    if (remote === undefined) throw new Error('callers need an engine or a remote');
    return this.#start(options, { local: { host, port: await freePort(host) }, remote });
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#processes.map(({ program }): Promise<Ended> => program.stop({ signal: 'SIGKILL' })),
    );
    await this.#engine?.kill();
    this.work.remove();
  }

  async #listens(
    sipp: SippProcess,
    local: SippOptions['local'],
    transport: Transport,
  ): Promise<void> {
    const early = sipp.finished.then(({ exitCode, errors }) => {
      throw new Error(`SIPp ended with ${exitCode ?? 'a signal'} instead of listening: ${errors}`);
    });
    const listening = until(() => isListening(local, transport), {
      what: `SIPp listens on ${local.host}:${local.port}`,
      limitMs: OPEN_LIMIT_MS,
    });
    await Promise.race([early, listening]);
    // Its end comes later, and then it is no error.
    early.catch(() => undefined);
  }

  async #start(
    options: PartyOptions,
    ends: Pick<SippOptions, 'local' | 'remote'>,
  ): Promise<SippProcess> {
    // Numbered before the first wait: parties may be started side by side.
    const index = this.#started;
    this.#started += 1;
    const label = options.label ?? `sipp-${index}`;
    const from = MEDIA_PORT_MIN + MEDIA_PORTS_EACH * index;
    const process = startSipp({
      transport: this.transport,
      mediaPort: await freeMediaPort(ends.local.host, from),
      calls: null,
      limitS: RUN_LIMIT_S,
      ...options,
      ...ends,
      label,
      workDir: this.work.folder(label),
    });
    this.#processes.push(process);
    return process;
  }

  #transportOf(options: PartyOptions): Transport {
    return options.transport ?? this.transport;
  }
}

/** Runs a body with parties that are gone afterwards. */
export async function withParties(
  transport: Transport,
  body: (parties: Parties) => Promise<void>,
): Promise<void> {
  const parties = new Parties(transport);
  try {
    await body(parties);
  } finally {
    await parties.close();
  }
}

/** Who may call: everything from the callers' address. */
export const CALLER_TRUNK: TrunkSetting = {
  name: 'callers',
  allow: [`${ADDRESSES.caller}/32`],
  cps: 1000,
  channels: 5000,
};

/** A trunk towards callees. */
export function calleeTrunk(
  name: string,
  uris: readonly string[],
  more: object = {},
): TrunkSetting {
  return {
    name,
    allow: [],
    gateways: uris.map((uri, index) => ({ uri, priority: index + 1 })),
    cps: 1000,
    channels: 5000,
    ...more,
  };
}

/** The usual house: callers' calls go to one trunk of callees. */
export function plainSettings(uri: string, more: Partial<EngineSettings> = {}): EngineSettings {
  return {
    trunks: [CALLER_TRUNK, calleeTrunk('callees', [uri])],
    routes: [{ prefix: '44', trunks: ['callees'] }],
    ...more,
  };
}

/** The number that the usual house routes. */
export const CALLED = '442071234567';

/** Says that a run went as its scenario wants, call by call; SIPp's own words when it did not. */
export function assertAllGood(result: SippResult, calls: number): void {
  assert.is(
    result.failed,
    0,
    `${result.failed} of ${result.created} calls failed: ${result.errors}`,
  );
  assert.is(result.successful, calls, result.errors);
}

async function isListening(
  { host, port }: { readonly host: string; readonly port: number },
  transport: Transport,
): Promise<boolean> {
  // Both tables write the address as little-endian hexadecimal, the port as big-endian.
  const address = host
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  const wanted = `${address}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  const table = await readFile(`/proc/net/${transport}`, 'utf8');
  return table.split('\n').some((line) => line.trim().split(/\s+/)[1] === wanted);
}
