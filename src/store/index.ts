// Durable facts: the call journal, the database behind it, and objects made through the API. Only the server opens it.
export { openStore } from './store.ts';
export type {
  JournalFiles,
  LegFilter,
  LegPage,
  LegQuery,
  ObjectKind,
  RecoveryReport,
  Schedule,
  Store,
  StoredObject,
  StoreHealth,
  StoreOptions,
  StoreStats,
} from './types.ts';
