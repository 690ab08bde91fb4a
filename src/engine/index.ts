// The media engine as the control plane sees it: start a host, join one, give orders, hear events.
export * from './types.ts';
export { INSTRUCTION_SETS, kernelPathObstacle, startHost } from './host.ts';
export type { EngineHost, HostConfig, InstructionSet } from './host.ts';
export { attachEngine } from './client.ts';
export type { EngineClient, EngineRegion } from './client.ts';
export type { NodeCounters, RelayTimes } from './statistics.ts';
export {
  CODES as ENGINE_CODES,
  NODE_COUNTERS,
  RELAY_TIME_BOUNDS_US,
  RELAY_TIME_TEXT,
} from './contract.gen.ts';
