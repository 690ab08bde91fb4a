// Facts of made-up calls, a clock that only tests move, and stores in folders of their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  callId,
  epochMs,
  legId,
  monoMs,
  silentLog,
  type DomainEvent,
  type LegId,
  type LegRecord,
  type LegStart,
  type Now,
} from '../../../src/base/index.ts';
import { openStore, type Store, type StoreOptions } from '../../../src/store/index.ts';

export const START_MS = 1_772_357_400_000;

export function aLegId(number: number): LegId {
  return legId(`CA${number.toString(16).padStart(32, '0')}`);
}

export function aLegStart(number: number, parts: Partial<LegStart> = {}): LegStart {
  return {
    legId: aLegId(number),
    callId: callId(
      `CL${Math.floor(number / 2)
        .toString(16)
        .padStart(32, '0')}`,
    ),
    direction: number % 2 === 0 ? 'inbound' : 'outbound',
    trunk: 'carrier-a',
    gateway: number % 2 === 0 ? null : 'sip:gw1.example',
    sipCallId: `${number}@192.0.2.1`,
    caller: '442071838750',
    called: '442071838751',
    calledOriginal: '+442071838751',
    authIdentity: null,
    startedAt: epochMs(START_MS + number),
    ...parts,
  };
}

export function aLegRecord(number: number, parts: Partial<LegRecord> = {}): LegRecord {
  return {
    ...aLegStart(number),
    gateway: 'sip:gw1.example',
    ringingAt: epochMs(START_MS + number + 100),
    answeredAt: epochMs(START_MS + number + 200),
    endedAt: epochMs(START_MS + number + 20_200),
    durationMs: 20_000,
    pddMs: 100,
    finalStatus: 200,
    cause: 'NORMAL_CLEARING',
    q850: 16,
    reasonHeader: 'Q.850;cause=16;text="ünïcode\n"',
    endedBy: 'caller',
    codec: 'PCMU/8000',
    transcoded: true,
    srtp: 'AEAD_AES_128_GCM',
    media: {
      packetsReceived: 1_000,
      octetsReceived: 160_000,
      packetsSent: 999,
      octetsSent: 159_840,
      packetsLost: 1,
      jitterMs: 0.5,
      packetsRefused: 0,
      mos: 4.4,
      packetsLate: 2,
      playoutDelayMs: 41.5,
      concealedMs: 40,
    },
    routesTried: 'gw1.example 200',
    ...parts,
  };
}

export const started = (number: number): DomainEvent => ({
  kind: 'leg.started',
  leg: aLegStart(number),
});
export const ringing = (number: number): DomainEvent => ({
  kind: 'leg.ringing',
  legId: aLegId(number),
  at: epochMs(START_MS + number + 100),
});
export const answered = (number: number): DomainEvent => ({
  kind: 'leg.answered',
  legId: aLegId(number),
  at: epochMs(START_MS + number + 200),
});
export const ended = (number: number, parts: Partial<LegRecord> = {}): DomainEvent => ({
  kind: 'leg.ended',
  leg: aLegRecord(number, parts),
});

/** Both clocks and the timers, moved by hand. */
export class FakeTime {
  mono = 1_000;
  epoch = START_MS;
  #timers: { at: number; run: () => void }[] = [];

  readonly now = (): Now => ({ mono: monoMs(this.mono), epoch: epochMs(this.epoch) });

  readonly schedule = (delayMs: number, run: () => void): (() => void) => {
    const timer = { at: this.mono + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Moves both clocks and runs what falls due, in order. */
  pass(ms: number): void {
    const end = this.mono + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#move(next.at);
      next.run();
    }
    this.#move(end);
  }

  #move(to: number): void {
    this.epoch += to - this.mono;
    this.mono = to;
  }
}

const folders: string[] = [];

export function aFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'trunkyard-store-'));
  folders.push(dir);
  return dir;
}

export function removeFolders(): void {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
}

export function optionsIn(
  dir: string,
  time: FakeTime,
  parts: Partial<StoreOptions> = {},
): StoreOptions {
  return {
    url: `sqlite:${join(dir, 'calls.db')}`,
    journalDir: join(dir, 'journal'),
    log: silentLog,
    now: time.now,
    schedule: time.schedule,
    ...parts,
  };
}

/** Opens a store or fails the test. */
export async function anOpenStore(options: StoreOptions): Promise<Store> {
  const opened = await openStore(options);
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

/** All records, in the order of the store. */
export async function allLegs(store: Store): Promise<readonly LegRecord[]> {
  const page = await store.listLegs({ limit: 1_000 });
  if (!page.ok) throw new Error(page.error.message);
  return page.value.legs;
}
