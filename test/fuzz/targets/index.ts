// All fuzz targets of the TypeScript parsers, by name.
import { framer } from './framer.ts';
import { guard } from './guard.ts';
import { reason } from './reason.ts';
import { sdp } from './sdp.ts';
import type { FuzzTarget } from './target.ts';

export const TARGETS: ReadonlyMap<string, FuzzTarget> = new Map([
  ['framer', framer],
  ['guard', guard],
  ['reason', reason],
  ['sdp', sdp],
]);
export { mutate } from './mutate.ts';
