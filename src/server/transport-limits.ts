// Limits of the SIP sockets out of the configuration.
import type { Settings } from '../config/index.ts';
import type { TransportLimits } from '../transport/index.ts';
import { TRANSPORT_LIMITS } from '../transport/index.ts';

/** The room's own limits with what the configuration says. */
export function transportLimits({ limits }: Settings): TransportLimits {
  return {
    ...TRANSPORT_LIMITS,
    connectionsMax: limits.connections,
    connectionsPerSourceMax: limits.connectionsPerSource,
    idleTimeoutMs: limits.connectionIdleS * 1000,
  };
}
