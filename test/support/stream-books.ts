// What the engine counted of some streams while a test went on, so that the test can tell what a busy machine did to it from what
// the engine did wrong: late and made-up audio is counted, and a buffer that changes its length says so by its delay.
import type { EndpointHandle } from '../../src/base/index.ts';
import type { EngineClient } from '../../src/engine/index.ts';

interface Page {
  readonly atMs: number;
  /** By stream; null where nothing is published. */
  readonly streams: readonly (StreamCount | null)[];
  readonly partsLate: number;
}

interface StreamCount {
  readonly packetsLate: number;
  readonly concealedMs: number;
  readonly playoutDelayMs: number;
}

/** Counters are published about once a second, and a delay is the mean of a whole one. */
export const BOOKS_BEHIND_MS = 2_200;
/** A buffer that is stretched by less sounds like one that isn't. */
const DELAY_CHANGE_MS = 2;

export class StreamBooks {
  readonly #client: EngineClient;
  readonly #pages: Page[] = [];

  constructor(client: EngineClient) {
    this.#client = client;
  }

  /** Writes down what is published now. @param endpoints of the streams, always the same. */
  write(atMs: number, endpoints: readonly EndpointHandle[]): void {
    const { partsLate } = this.#client.nodeCounters();
    const streams = endpoints.map((endpoint) => this.#client.stats(endpoint));
    this.#pages.push({ atMs, streams, partsLate });
  }

  /** Whether a stream was played as it was said: nothing late, made up or stretched, and no part of a conference missed. */
  isCalm(
    stream: number,
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): boolean {
    const last = this.#pages.findIndex(({ atMs }) => atMs >= toMs + BOOKS_BEHIND_MS);
    const first = this.#pages.findLastIndex(({ atMs }) => atMs <= fromMs);
    if (first < 0 || last < 0) return false;
    const pages = this.#pages.slice(first, last + 1);
    const counts = pages.flatMap(({ streams }) => streams[stream] ?? []);
    if (counts.length < pages.length) return false;
    return (
      isSame(pages.map(({ partsLate }) => partsLate)) &&
      isSame(counts.map(({ packetsLate }) => packetsLate)) &&
      isSame(counts.map(({ concealedMs }) => concealedMs)) &&
      spread(counts.map(({ playoutDelayMs }) => playoutDelayMs)) <= DELAY_CHANGE_MS
    );
  }
}

const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
const isSame = (values: readonly number[]): boolean => spread(values) === 0;
