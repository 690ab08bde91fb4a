// Cross checks of trunks and routes.
import { canonicalBlock, isNested } from './blocks.ts';
import { GATEWAY_URI_FORM, gatewayUriText } from './forms.ts';
import { nearestKey } from './nearest-key.ts';
import type { Reporter } from './reporter.ts';
import type { RawRoute, RawSettings, RawTrunk } from './schema.ts';

/** What is claimed so far by some trunk, by whom. */
interface Claims {
  readonly names: Set<string>;
  readonly usernames: Map<string, string>;
  readonly blocks: Map<string, string>;
}

export function checkTrunks(raw: RawSettings, report: Reporter): void {
  const claims: Claims = { names: new Set(), usernames: new Map(), blocks: new Map() };
  for (const trunk of raw.trunks) {
    const path = report.pathOf(trunk);
    if (claims.names.has(trunk.name)) report.error([...path, 'name'], { value: trunk.name, problem: 'is the name of another trunk too' });
    claims.names.add(trunk.name);
    checkAuth(trunk, { claims, report });
    checkBlocks(trunk, { claims, report });
    checkGateways(trunk, report);
    if (!report.isSound(path)) continue;
    if (trunk.allow.length === 0 && trunk.auth === null && trunk.gateways.length === 0) {
      report.warn(path, { value: trunk.name, problem: 'has no allow, no auth and no gateways, so no call can use it' });
    }
    if (!trunk.codecs.some((codec) => codec !== 'telephone-event')) {
      report.error([...path, 'codecs'], { value: trunk.codecs.join(', '), problem: 'has no audio codec' });
    }
  }
  warnOfNestedBlocks(raw, report);
}

/** A trunk’s own rule, so that the API’s trunks are held to it as well. */
export function checkAuth(trunk: RawTrunk, { claims, report }: { readonly claims: Pick<Claims, 'usernames'>; readonly report: Reporter }): void {
  const { auth } = trunk;
  if (auth === null) return;
  const path = report.pathOf(auth);
  const hasHash = auth.ha1_md5 !== undefined || auth.ha1_sha256 !== undefined;
  const allowed = 'either password, or ha1_md5 and/or ha1_sha256';
  if (auth.password === undefined && !hasHash) report.error(path, { value: null, problem: 'has neither a password nor a hash', allowed });
  if (auth.password !== undefined && hasHash) report.error(path, { value: null, problem: 'has a password and a hash', allowed });
  const other = claims.usernames.get(auth.username);
  if (other !== undefined) {
    report.error([...path, 'username'], { value: auth.username, problem: `is the user name of trunk ${other} too, so it can’t tell them apart` });
  }
  claims.usernames.set(auth.username, trunk.name);
}

function checkBlocks(trunk: RawTrunk, { claims, report }: { readonly claims: Claims; readonly report: Reporter }): void {
  for (const [index, text] of trunk.allow.entries()) {
    const path = report.itemPathOf(trunk.allow, index);
    const block = canonicalBlock(text);
    const other = claims.blocks.get(block);
    if (other === trunk.name) report.warn(path, { value: text, problem: 'stands in this list twice' });
    else if (other !== undefined) report.error(path, { value: text, problem: `is allowed by trunk ${other} too, so a call could be either’s` });
    else claims.blocks.set(block, trunk.name);
    if (block.endsWith('/0')) report.warn(path, { value: text, problem: 'lets anyone place calls over this trunk' });
  }
}

/** At most so many blocks are compared each with each; beyond, look-up still works and only the warning is spared. */
const NESTED_CHECK_MAX = 2_000;

function warnOfNestedBlocks(raw: RawSettings, report: Reporter): void {
  const blocks = raw.trunks.flatMap((trunk) =>
    trunk.allow.map((text, index) => ({ trunk: trunk.name, text, block: canonicalBlock(text), path: report.itemPathOf(trunk.allow, index) })),
  );
  if (blocks.length > NESTED_CHECK_MAX) return;
  for (const inner of blocks) {
    const outer = blocks.find((candidate) => candidate.trunk !== inner.trunk && isNested(inner.block, candidate.block));
    if (outer === undefined) continue;
    const problem = `lies inside ${outer.text} of trunk ${outer.trunk}; calls from it are trunk ${inner.trunk}’s, as the longest block wins`;
    report.warn(inner.path, { value: inner.text, problem });
  }
}

function checkGateways(trunk: RawTrunk, report: Reporter): void {
  const seen = new Set<string>();
  for (const gateway of trunk.gateways) {
    const read = GATEWAY_URI_FORM.read(gateway.uri);
    const uri = read.ok ? gatewayUriText(read.value) : gateway.uri;
    if (seen.has(uri)) report.error([...report.pathOf(gateway), 'uri'], { value: gateway.uri, problem: 'is a gateway of this trunk already' });
    seen.add(uri);
  }
}

export function checkRoutes(
  raw: RawSettings,
  { report, trunksComplete }: { readonly report: Reporter; readonly trunksComplete: boolean },
): void {
  const names = raw.trunks.map(({ name }) => name);
  const withGateways = new Set(raw.trunks.filter(({ gateways }) => gateways.length > 0).map(({ name }) => name));
  const seen = new Set<string>();
  for (const route of raw.routes) {
    const path = report.pathOf(route);
    if (!checkRouteShape(route, report)) continue;
    const { key, setting, value } = matchOf(route);
    if (seen.has(key)) report.error([...path, setting], { value: value === '' ? '(empty)' : value, problem: 'is matched by another route too' });
    seen.add(key);
    for (const [index, name] of (route.trunks ?? []).entries()) {
      const at = report.itemPathOf(route.trunks ?? [], index);
      if (withGateways.has(name)) continue;
      if (names.includes(name)) {
        report.warn(at, { value: name, problem: 'has no gateways, so this route can’t use it' });
      } else if (trunksComplete) {
        // With a broken trunk left out, "unknown" would often be a consequence and not a second mistake.
        const near = nearestKey(name, names);
        report.error(at, { value: name, problem: `is not the name of a trunk${near === null ? '' : `; did you mean ${near}?`}` });
      }
    }
  }
}

/** A route’s own rules: one thing it matches, one place it leads to. @returns whether they hold. */
export function checkRouteShape(route: RawRoute, report: Reporter): boolean {
  const path = report.pathOf(route);
  const one = 'exactly one of prefix and number';
  const other = 'exactly one of trunks and destination';
  const matches = [route.prefix, route.number].filter((value) => value !== undefined).length;
  const targets = [route.trunks, route.destination].filter((value) => value !== undefined).length;
  if (matches !== 1) report.error(path, { value: null, problem: matches === 0 ? 'matches nothing' : 'has a prefix and a number', allowed: one });
  if (targets !== 1) report.error(path, { value: null, problem: targets === 0 ? 'leads nowhere' : 'has trunks and a destination', allowed: other });
  return matches === 1 && targets === 1;
}

/** What a route of sound shape matches: a key that equals another's when both match the same, and the setting itself. */
function matchOf(route: RawRoute): { readonly key: string; readonly setting: 'prefix' | 'number'; readonly value: string } {
  const setting = route.number === undefined ? 'prefix' : 'number';
  const value = route.number ?? route.prefix ?? '';
  return { key: `${setting} ${value.startsWith('+') ? value.slice(1) : value}`, setting, value };
}
