// Three machines in one: a caller, a relay and a callee, each in a network namespace, joined by veth pairs. One more pair leads
// straight from the caller to the callee, and one from the bench to the relay.
//
//   caller 10.78.1.2 ---- 10.78.1.1 relay 10.78.2.1 ---- 10.78.2.2 callee
//          10.78.3.1 ---------------- straight ---------------- 10.78.3.2
//                              10.78.4.2 relay ---- 10.78.4.1 the bench
import { execFileSync } from 'node:child_process';
import type { RelayPlace } from '../peers/media-program.ts';
import type { LoadSide } from '../scenarios/rtp-load.ts';

/** Where each side of the load is. */
export interface LoadSides {
  readonly a: LoadSide;
  readonly b: LoadSide;
}

export class VethNet {
  readonly #names = ['caller', 'relay', 'callee'].map(
    (party) => `trunkyard-bench-${process.pid}-${party}`,
  );
  readonly #remove = (): void => this.#removeNamespaces();

  /** The load's ends beyond the relay. */
  readonly relayed: LoadSides;
  /** The same ends, on the way that leaves the relay out. */
  readonly straight: LoadSides;
  readonly place: RelayPlace;

  /** Needs root. The namespaces go with `close`, or with this process. @throws where the machine has no such thing. */
  constructor() {
    const [caller = '', relay = '', callee = ''] = this.#names;
    this.relayed = {
      a: { host: '10.78.1.2', network: caller },
      b: { host: '10.78.2.2', network: callee },
    };
    this.straight = {
      a: { host: '10.78.3.1', network: caller },
      b: { host: '10.78.3.2', network: callee },
    };
    this.place = {
      network: relay,
      forA: '10.78.1.1',
      forB: '10.78.2.1',
      control: '10.78.4.2',
    };
    process.once('exit', this.#remove);
    try {
      for (const name of this.#names) ip('netns', 'add', name);
      join({ network: caller, device: 'wire' }, { network: relay, device: 'left' }, '10.78.1');
      join({ network: callee, device: 'wire' }, { network: relay, device: 'right' }, '10.78.2');
      join(
        { network: callee, device: 'straight' },
        { network: caller, device: 'straight' },
        '10.78.3',
      );
      const home = `tybench${process.pid % 1_000_000}`;
      ip(
        '-n',
        relay,
        'link',
        'add',
        'control',
        'type',
        'veth',
        'peer',
        'name',
        home,
        'netns',
        `${process.pid}`,
      );
      ip('addr', 'add', '10.78.4.1/24', 'dev', home);
      ip('link', 'set', home, 'up');
      ip('-n', relay, 'addr', 'add', '10.78.4.2/24', 'dev', 'control');
      ip('-n', relay, 'link', 'set', 'control', 'up');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    process.off('exit', this.#remove);
    this.#removeNamespaces();
  }

  // The pairs go with them, the bench's end of the last one too.
  #removeNamespaces(): void {
    for (const name of this.#names) {
      try {
        ip('netns', 'del', name);
      } catch {
        // Never made.
      }
    }
  }
}

interface Plug {
  readonly network: string;
  readonly device: string;
}

/** A pair between two namespaces: the first has address .2, the second .1. */
function join(two: Plug, one: Plug, prefix: string): void {
  const inTwo = (...words: readonly string[]): void => ip('-n', two.network, ...words);
  const inOne = (...words: readonly string[]): void => ip('-n', one.network, ...words);
  inOne(
    'link',
    'add',
    one.device,
    'type',
    'veth',
    'peer',
    'name',
    two.device,
    'netns',
    two.network,
  );
  inOne('addr', 'add', `${prefix}.1/24`, 'dev', one.device);
  inTwo('addr', 'add', `${prefix}.2/24`, 'dev', two.device);
  for (const device of [one.device, 'lo']) inOne('link', 'set', device, 'up');
  for (const device of [two.device, 'lo']) inTwo('link', 'set', device, 'up');
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
