// HTTP resources. Outside names and shapes live here only; the server makes the fastify instance and listens.
export { registerRoutes, apiServerOptions } from './register.ts';
export type {
  ApiDeps,
  CdrPage,
  CdrQuery,
  CdrSource,
  ConfigOwner,
  DrainAction,
  DrainState,
  GatewayState,
  LiveCall,
  LiveLeg,
  ManagedObject,
  NotReadyReason,
  ObjectBook,
  TrunkState,
} from './deps.ts';
export { withoutSecrets } from './secrets.ts';
