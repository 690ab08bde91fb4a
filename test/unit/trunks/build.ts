// Builders of trunks and routes for this folder's tests.
import type { RouteSettings, TrunkSettings } from '../../../src/config/index.ts';
import { validateRoute, validateTrunk } from '../../../src/config/index.ts';
import type { RouteChoice, Trunk, TrunkBook } from '../../../src/trunks/index.ts';
import { buildTrunkBook } from '../../../src/trunks/index.ts';

/** A trunk as configured; everything but its name has its default unless given. */
export function trunkSettings(
  name: string,
  body: Readonly<Record<string, unknown>> = {},
): TrunkSettings {
  const result = validateTrunk({ name, ...body });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** A route as configured. */
export function route(body: Readonly<Record<string, unknown>>): RouteSettings {
  const result = validateRoute(body);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export interface BookOptions {
  readonly trunks?: readonly TrunkSettings[];
  readonly routes?: readonly RouteSettings[];
}

export function book({ trunks = [], routes = [] }: BookOptions): TrunkBook {
  const result = buildTrunkBook({ trunks, routes });
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** A trunk as the book makes it. */
export function trunk(name: string, body: Readonly<Record<string, unknown>> = {}): Trunk {
  const [made] = book({ trunks: [trunkSettings(name, body)] }).trunks;
  if (made === undefined) throw new Error('the book lost the trunk');
  return made;
}

/** A choice on one line: what it leads to, and the rewritten number. */
export function choiceText(choice: RouteChoice): string {
  const target =
    choice.kind === 'destination'
      ? choice.destination
      : choice.trunks.map(({ name }) => name).join(',');
  return `${target} ${choice.number}`;
}
