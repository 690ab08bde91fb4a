// Words everyone uses; no protocol.
export * from './result.ts';
export * from './time.ts';
export * from './ids.ts';
export * from './random.ts';
export * from './io.ts';
export * from './source-key.ts';
export * from './folder.ts';
export * from './core.ts';
export * from './log.ts';
export * from './errors.ts';
export * from './domain-events.ts';
