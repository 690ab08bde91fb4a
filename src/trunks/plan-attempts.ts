// In which order the gateways of a route's trunks are tried: trunk by trunk, priority by priority, by weight inside.
import type { GatewayId, GatewayState, Gateway, GatewayAttempt, Trunk } from './trunk.ts';

/** What the plan is made from. */
export interface PlanInputs {
  /** In the order of the route. */
  readonly trunks: readonly Trunk[];
  /** Uniform in [0, 1), drawn once for each choice among several. */
  readonly draw: () => number;
  readonly stateOf: (gateway: GatewayId) => GatewayState;
}

/**
 * Orders every gateway that may be tried. Inside a priority the order is drawn by weight without putting back, as
 * RFC 2782 does for SRV: each next place goes to a gateway with the chance weight / sum of those left, and weight 0
 * only comes when no weight is left. Gateways that are down come last, in the same order, because our verdict may be
 * wrong and a late call beats a refused one; resting ones are left out, since they asked for it.
 * @returns no attempts when all rest or the trunks have no gateways: the caller answers GATEWAYS_EXHAUSTED. Pure.
 */
export function planAttempts({ trunks, draw, stateOf }: PlanInputs): readonly GatewayAttempt[] {
  const up: GatewayAttempt[] = [];
  const down: GatewayAttempt[] = [];
  for (const trunk of trunks) {
    for (const gateway of orderGateways(trunk.gateways, draw)) {
      const state = stateOf(gateway.id);
      if (state === 'resting') continue;
      (state === 'up' ? up : down).push({ trunk, gateway, state });
    }
  }
  return [...up, ...down];
}

function orderGateways(gateways: readonly Gateway[], draw: () => number): readonly Gateway[] {
  if (gateways.length < 2) return gateways;
  const byPriority = new Map<number, Gateway[]>();
  for (const gateway of gateways) {
    const group = byPriority.get(gateway.priority);
    if (group === undefined) byPriority.set(gateway.priority, [gateway]);
    else group.push(gateway);
  }
  const priorities = [...byPriority.keys()].sort((a, b) => a - b);
  return priorities.flatMap((priority) => shuffleByWeight(byPriority.get(priority) ?? [], draw));
}

function shuffleByWeight(group: readonly Gateway[], draw: () => number): readonly Gateway[] {
  const left = [...group];
  const ordered: Gateway[] = [];
  while (left.length > 0) {
    const index = left.length === 1 ? 0 : drawIndex(left, draw());
    ordered.push(...left.splice(index, 1));
  }
  return ordered;
}

/** The index whose share of the summed weights holds `point`; among weights of 0 every one has an equal share. */
function drawIndex(left: readonly Gateway[], point: number): number {
  const weightSum = left.reduce((sum, gateway) => sum + gateway.weight, 0);
  if (weightSum === 0) return Math.floor(point * left.length);
  let rest = point * weightSum;
  for (const [index, gateway] of left.entries()) {
    rest -= gateway.weight;
    if (rest < 0) return index;
  }
  // Only rounding can bring a point below 1 past the last share: it belongs to the last one with a weight.
  return left.findLastIndex((gateway) => gateway.weight > 0);
}
