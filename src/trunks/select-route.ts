// Dialled number to route: exact numbers and names first, then the longest prefix, then the number is rewritten.
import type { CodedError, Result, TrunkId } from '../base/index.ts';
import { err, maskNumber, ok, trunkId } from '../base/index.ts';
import type { RouteSettings } from '../config/index.ts';
import type { Dialled } from './number-form.ts';
import { dialledText, readDialled } from './number-form.ts';
import type { RouteChoice, Trunk } from './trunk.ts';

interface Node {
  route: RouteSettings | null;
  /** By digit 0-9, then `*`, then `#`; null while nothing hangs below. */
  next: (Node | null)[] | null;
}

/** Built once a reload; looking up costs one step a digit and allocates nothing but the answer. */
export class RouteTable {
  readonly #exact = new Map<string, RouteSettings>();
  readonly #root: Node = { route: null, next: null };
  readonly #trunks: ReadonlyMap<TrunkId, Trunk>;

  /** @param routes with prefixes and numbers all different and trunks all known: TrunkBook sees to it. */
  constructor(routes: readonly RouteSettings[], trunks: ReadonlyMap<TrunkId, Trunk>) {
    this.#trunks = trunks;
    for (const route of routes) {
      if (route.match.kind === 'exact')
        this.#exact.set(exactKey(readDialled(route.match.number)), route);
      else this.#insert(route.match.prefix, route);
    }
  }

  /**
   * Picks the route of a dialled number or name and rewrites the number by its `strip` and `add`.
   * @param dialled the user part of the Request-URI as written, or a whole tel: URI.
   * @returns the choice with its trunks in order, or ROUTE_NOT_FOUND. Pure; O(digits).
   */
  selectRoute(dialled: string): Result<RouteChoice, CodedError> {
    const read = readDialled(dialled);
    const route =
      this.#exact.get(exactKey(read)) ??
      (read.kind === 'number' ? this.#longestPrefix(read.digits) : null);
    if (route === null) {
      const shown = maskNumber(dialledText(read).slice(0, 80));
      return err({
        code: 'ROUTE_NOT_FOUND',
        message: `no route for ${shown === '' ? '(nothing dialled)' : shown}`,
      });
    }
    const number = rewrite(read, route);
    // A user part needs at least one character (RFC 3261 §25.1), and a lone + is no number.
    if (route.target.kind === 'trunks' && (number === '' || number === '+')) {
      return err({
        code: 'ROUTE_NOT_FOUND',
        message: `strip ${route.strip} leaves nothing to dial`,
      });
    }
    return ok(this.#choose(route, number));
  }

  #choose(route: RouteSettings, number: string): RouteChoice {
    if (route.target.kind === 'destination') {
      return { kind: 'destination', route, number, destination: route.target.destination };
    }
    const trunks: Trunk[] = [];
    for (const name of route.target.trunks) {
      const trunk = this.#trunks.get(trunkId(name));
      if (trunk !== undefined) trunks.push(trunk);
    }
    return { kind: 'trunks', route, number, trunks };
  }

  #insert(prefix: string, route: RouteSettings): void {
    let node = this.#root;
    for (const digit of prefix) {
      node.next ??= new Array<Node | null>(12).fill(null);
      const slot = digitSlot(digit.charCodeAt(0));
      const below = node.next[slot] ?? { route: null, next: null };
      node.next[slot] = below;
      node = below;
    }
    node.route = route;
  }

  #longestPrefix(digits: string): RouteSettings | null {
    let node: Node = this.#root;
    let best = node.route;
    for (let i = 0; i < digits.length; i += 1) {
      const below = node.next?.[digitSlot(digits.charCodeAt(i))] ?? null;
      if (below === null) break;
      node = below;
      best = node.route ?? best;
    }
    return best;
  }
}

/** What exact routes are looked up by, and numbers compared by. They match with and without `+`; a name can't equal one, since it isn't one. */
export function exactKey(dialled: Dialled): string {
  return dialled.kind === 'number' ? dialled.digits : dialled.name;
}

/** An untouched number keeps its `+`; a rewritten one has what `add` gives it. */
function rewrite(dialled: Dialled, { strip, add }: RouteSettings): string {
  if (strip === 0 && add === '') return dialledText(dialled);
  const digits = dialled.kind === 'number' ? dialled.digits : dialled.name;
  return add + digits.slice(strip);
}

function digitSlot(code: number): number {
  if (code === 0x2a) return 10;
  return code === 0x23 ? 11 : code - 0x30;
}
