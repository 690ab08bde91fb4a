// The media engine as the control plane sees it: start a host, join one, give orders, hear events.
export * from './types.ts';
export { kernelPathObstacle, startHost } from './host.ts';
export type { EngineHost, HostConfig } from './host.ts';
export { attachEngine } from './client.ts';
export type { EngineClient, EngineRegion } from './client.ts';
export type { NodeCounters } from './statistics.ts';
export { CODES as ENGINE_CODES, NODE_COUNTERS } from './contract.gen.ts';
