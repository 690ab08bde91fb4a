// One order as the engine gets it, for tests that look at bytes.
import type { EngineOrder } from '../../src/engine/index.ts';
import { OrderEncoder } from '../../src/engine/orders.ts';

/** The order’s record, all of it and nothing else. */
export function recordOf(order: EngineOrder): DataView {
  return new DataView(new OrderEncoder().encode([order]).slice().buffer);
}
