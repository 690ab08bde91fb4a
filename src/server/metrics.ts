// Figures for Prometheus: what the cores, the store, the transports and the engine count, read when asked.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DomainEvent } from '../base/index.ts';

/** A figure read at scrape time. */
export interface Reading {
  /** A counter only grows while its owner lives, so that rates can be taken of it. */
  readonly type: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** A gauge that is read at scrape time for each of the things that there are then. */
export interface TableReading {
  readonly name: string;
  readonly help: string;
  /** What tells the rows apart. */
  readonly label: string;
  readonly read: () => Iterable<readonly [string, number]>;
}

/** A histogram that is counted elsewhere and read at scrape time. */
export interface HistogramReading {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, rising. */
  readonly bounds: readonly number[];
  /** What each bucket holds, one for each bound and one for what lies beyond; and the sum of all. */
  readonly read: () => { readonly counts: readonly number[]; readonly sum: number };
}

/** prom-client's own histogram can only be told observations, one by one; its gauge leaves open what it gives. */
class ReadHistogram extends Gauge {
  readonly #reading: HistogramReading;
  /** Never told anything: what it says of itself is what a histogram says. */
  readonly #empty: Histogram;

  constructor(reading: HistogramReading, registers: Registry[]) {
    const { name, help } = reading;
    super({ name, help, registers });
    this.#reading = reading;
    this.#empty = new Histogram({ name, help, registers: [] });
  }

  override async get(): ReturnType<Gauge['get']> {
    const { name, bounds, read } = this.#reading;
    const { counts, sum } = read();
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      const le = bounds[index] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { le }, value: total };
    });
    const values = [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sum },
      { metricName: `${name}_count`, labels: {}, value: total },
    ];
    return { ...(await this.#empty.get()), values };
  }
}

/** The registry of a control process. */
export class Metrics {
  readonly registry = new Registry();
  readonly #rejected: Counter<'code' | 'trunk'>;
  readonly #refused: Counter<'code'>;
  readonly #legsEnded: Counter<'direction' | 'cause' | 'status'>;
  readonly #transcoded: Counter<'direction'>;
  readonly #encrypted: Counter<'direction' | 'suite'>;
  readonly #pdd: Histogram;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    this.#rejected = new Counter({
      name: 'trunkyard_calls_rejected_total',
      help: 'INVITEs refused by the platform, by catalogue code and trunk.',
      labelNames: ['code', 'trunk'],
      registers,
    });
    this.#refused = new Counter({
      name: 'trunkyard_sip_refused_total',
      help: 'SIP messages refused before they became a transaction, by catalogue code.',
      labelNames: ['code'],
      registers,
    });
    this.#legsEnded = new Counter({
      name: 'trunkyard_legs_ended_total',
      help: 'Legs with a finished record, by direction, cause and final SIP status.',
      labelNames: ['direction', 'cause', 'status'],
      registers,
    });
    this.#transcoded = new Counter({
      name: 'trunkyard_legs_transcoded_total',
      help: 'Answered legs whose audio was encoded anew between the two legs.',
      labelNames: ['direction'],
      registers,
    });
    this.#encrypted = new Counter({
      name: 'trunkyard_legs_encrypted_total',
      help: 'Answered legs whose audio was SRTP, by suite.',
      labelNames: ['direction', 'suite'],
      registers,
    });
    this.#pdd = new Histogram({
      name: 'trunkyard_pdd_seconds',
      help: 'Post-dial delay of outbound legs: INVITE to first ringing or answer.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16],
      registers,
    });
  }

  /** Adds figures that are read from their owner when Prometheus asks. */
  addReadings(readings: readonly Reading[]): void {
    const registers = [this.registry];
    for (const { type, name, help, read } of readings) {
      if (type === 'gauge') {
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(read());
          },
        });
      } else {
        new Counter({
          name,
          help,
          registers,
          collect() {
            this.reset();
            this.inc(read());
          },
        });
      }
    }
  }

  /** The same with a row for each trunk or gateway; a row whose owner is gone goes too. */
  addTables(tables: readonly TableReading[]): void {
    const registers = [this.registry];
    for (const { name, help, label, read } of tables) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [row, value] of read()) this.set({ [label]: row }, value);
        },
      });
    }
  }

  /** Adds a histogram that is read from its owner when Prometheus asks. */
  addHistogram(reading: HistogramReading): void {
    new ReadHistogram(reading, [this.registry]);
  }

  /** Counts an INVITE refused by the platform. */
  rejected(code: string, trunk: string | null): void {
    this.#rejected.inc({ code, trunk: trunk ?? '' });
  }

  /** Counts a message refused before it became a transaction. */
  refused(code: string): void {
    this.#refused.inc({ code });
  }

  /** Counts what finished legs say. */
  facts(events: readonly DomainEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'leg.ended') continue;
      const { leg } = event;
      this.#legsEnded.inc({ direction: leg.direction, cause: leg.cause, status: leg.finalStatus });
      const { direction } = leg;
      if (leg.answeredAt !== null && leg.transcoded) this.#transcoded.inc({ direction });
      if (leg.answeredAt !== null && leg.srtp !== null)
        this.#encrypted.inc({ direction, suite: leg.srtp });
      if (leg.direction === 'outbound' && leg.pddMs !== null) this.#pdd.observe(leg.pddMs / 1000);
    }
  }
}
