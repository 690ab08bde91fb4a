// `calls`: the calls that are up on the running engine.
import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import type { CallsOptions, Terminal } from '../cli/index.ts';
import { EXIT } from '../cli/index.ts';
import type { Settings } from '../config/index.ts';
import { askJson, engineUrl } from './engine-http.ts';

const textOrNull = Type.Union([Type.String(), Type.Null()]);

/** What is shown of a call; the answer has more, and `--json` passes it on. */
const Call = Type.Object({
  call_id: Type.String(),
  started_at: Type.String(),
  legs: Type.Array(
    Type.Object({
      trunk: textOrNull,
      caller: Type.String(),
      called: Type.String(),
      state: Type.String(),
      codec: textOrNull,
    }),
  ),
});
type Call = Static<typeof Call>;

const CallPage = Type.Object({ calls: Type.Array(Call), next_cursor: textOrNull });
const PAGE_CALLS = 1000;

/** Prints a line a call and their number, or JSON. @returns 69 when no engine answers. */
export async function listCalls(
  settings: Settings,
  { url, trunk, json }: CallsOptions,
  terminal: Terminal,
): Promise<number> {
  const base = engineUrl(settings, url);
  const calls: Call[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/calls?limit=${PAGE_CALLS}${more}`;
    const page: Static<typeof CallPage> | null = await askJson(base, path, {
      shape: CallPage,
      terminal,
    });
    if (page === null) return EXIT.unavailable;
    calls.push(...page.calls);
    cursor = page.next_cursor;
  } while (cursor !== null);
  const shown =
    trunk === null ? calls : calls.filter(({ legs }) => legs.some((leg) => leg.trunk === trunk));
  if (json) terminal.print(JSON.stringify({ calls: shown }));
  else {
    for (const call of shown) terminal.print(lineOf(call));
    terminal.print(`${shown.length} call${shown.length === 1 ? '' : 's'}`);
  }
  return EXIT.ok;
}

function lineOf({ call_id: id, started_at: startedAt, legs }: Call): string {
  const [first] = legs;
  const states = legs.map(({ trunk, state, codec }) => `${trunk ?? '-'} ${state} ${codec ?? '-'}`);
  return `${id}  ${startedAt}  ${first?.caller ?? ''} -> ${first?.called ?? ''}  ${states.join(' | ')}`;
}
