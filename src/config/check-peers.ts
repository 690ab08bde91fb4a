// Cross checks of trunks and routes.
import { BlockMap, canonicalBlock } from './blocks.ts';
import { GATEWAY_URI_FORM, gatewayUriText } from './forms.ts';
import { nearestKey } from './nearest-key.ts';
import { pathText } from './read.ts';
import type { Reporter } from './reporter.ts';
import type { RawRoute, RawSettings, RawTrunk } from './schema.ts';

/** What is claimed so far, and by which trunk. */
interface Claims {
  readonly names: Set<string>;
  readonly usernames: Map<string, string>;
  readonly blocks: BlockMap<string>;
}

export function checkTrunks(raw: RawSettings, report: Reporter): void {
  const claims: Claims = { names: new Set(), usernames: new Map(), blocks: new BlockMap() };
  for (const trunk of raw.trunks) {
    checkTrunkShape(trunk, report);
    claimNames(trunk, { claims, report });
    claimBlocks(trunk, { claims, report });
  }
  for (const trunk of raw.trunks) warnOfNestedBlocks(trunk, { claims, report });
}

/** A trunk’s rules that no other trunk plays a part in; those of the API are held to them as well. */
export function checkTrunkShape(trunk: RawTrunk, report: Reporter): void {
  const path = report.pathOf(trunk);
  checkAuthShape(trunk, report);
  checkGateways(trunk, report);
  if (!report.isSound(path)) return;
  if (!trunk.codecs.some((codec) => codec !== 'telephone-event')) {
    report.error([...path, 'codecs'], {
      value: trunk.codecs.join(', '),
      problem: 'has no audio codec',
    });
  }
  checkDigits(trunk, report);
  if (trunk.allow.length === 0 && trunk.auth === null && trunk.gateways.length === 0) {
    report.warn(path, {
      value: trunk.name,
      problem: 'has no allow, no auth and no gateways, so no call can use it',
    });
  }
  for (const [index, text] of trunk.allow.entries()) {
    if (!canonicalBlock(text).endsWith('/0')) continue;
    const problem = 'lets anyone place calls over this trunk';
    report.warn(report.itemPathOf(trunk.allow, index), { value: text, problem });
  }
}

/** What a way of saying digits can't do without decoded audio. */
const UNDECODED: Readonly<Partial<Record<RawTrunk['dtmf'], string>>> = {
  info: 'digits that come by INFO are said to no peer of another kind, for that takes audio of our making',
  inband: 'tones are neither heard nor made, for that takes decoded audio',
};

function checkDigits(trunk: RawTrunk, report: Reporter): void {
  const problem = trunk.transcode === 'never' ? UNDECODED[trunk.dtmf] : undefined;
  if (problem === undefined) return;
  report.warn([...report.pathOf(trunk), 'dtmf'], {
    value: trunk.dtmf,
    problem: `${problem}, and \`transcode\` is never`,
    allowed: 'auto or rfc4733, or another `transcode`',
  });
}

function checkAuthShape({ auth }: RawTrunk, report: Reporter): void {
  if (auth === null) return;
  const path = report.pathOf(auth);
  const hasHash = auth.ha1_md5 !== undefined || auth.ha1_sha256 !== undefined;
  const allowed = 'either password, or ha1_md5 and/or ha1_sha256';
  if (auth.password === undefined && !hasHash) {
    report.error(path, { value: null, problem: 'has neither a password nor a hash', allowed });
  }
  if (auth.password !== undefined && hasHash) {
    report.error(path, { value: null, problem: 'has a password and a hash', allowed });
  }
}

function checkGateways(trunk: RawTrunk, report: Reporter): void {
  const seen = new Set<string>();
  for (const gateway of trunk.gateways) {
    const read = GATEWAY_URI_FORM.read(gateway.uri);
    const uri = read.ok ? gatewayUriText(read.value) : gateway.uri;
    if (seen.has(uri)) {
      const path = [...report.pathOf(gateway), 'uri'];
      report.error(path, { value: gateway.uri, problem: 'is a gateway of this trunk already' });
    }
    seen.add(uri);
  }
}

interface ClaimInputs {
  readonly claims: Claims;
  readonly report: Reporter;
}

function claimNames(trunk: RawTrunk, { claims, report }: ClaimInputs): void {
  const { name, auth } = trunk;
  if (claims.names.has(name)) {
    const path = [...report.pathOf(trunk), 'name'];
    report.error(path, { value: name, problem: 'is the name of another trunk too' });
  }
  claims.names.add(name);
  if (auth === null) return;
  const other = claims.usernames.get(auth.username);
  if (other !== undefined) {
    report.error([...report.pathOf(auth), 'username'], {
      value: auth.username,
      problem: `is the user name of trunk ${other} too, so it can’t tell them apart`,
    });
  }
  claims.usernames.set(auth.username, name);
}

function claimBlocks(trunk: RawTrunk, { claims, report }: ClaimInputs): void {
  for (const [index, text] of trunk.allow.entries()) {
    const path = report.itemPathOf(trunk.allow, index);
    const block = canonicalBlock(text);
    const other = claims.blocks.get(block);
    if (other === null) claims.blocks.set(block, trunk.name);
    else if (other === trunk.name) {
      report.warn(path, { value: text, problem: 'stands in this list twice' });
    } else {
      const problem = `is allowed by trunk ${other} too, so a call could be either’s`;
      report.error(path, { value: text, problem });
    }
  }
}

function warnOfNestedBlocks({ name, allow }: RawTrunk, { claims, report }: ClaimInputs): void {
  for (const [index, text] of allow.entries()) {
    const outer = claims.blocks.around(canonicalBlock(text)).find(({ value }) => value !== name);
    if (outer === undefined) continue;
    report.warn(report.itemPathOf(allow, index), {
      value: text,
      problem: `lies inside ${outer.block} of trunk ${outer.value}; calls from it are trunk ${name}’s, as the longest block wins`,
    });
  }
}

export function checkRoutes(
  raw: RawSettings,
  { report, trunksComplete }: { readonly report: Reporter; readonly trunksComplete: boolean },
): void {
  const names = raw.trunks.map(({ name }) => name);
  const withGateways = new Set(
    raw.trunks.filter(({ gateways }) => gateways.length > 0).map(({ name }) => name),
  );
  const seen = new Map<string, string>();
  for (const route of raw.routes) {
    const path = report.pathOf(route);
    if (!checkRouteShape(route, report)) continue;
    const { key, setting, value } = matchOf(route);
    const at = [...path, setting];
    const shown = value === '' ? '(empty)' : value;
    const other = seen.get(key);
    if (other === undefined) seen.set(key, `${pathText(at)} ${shown}`);
    else report.error(at, { value: shown, problem: `matches the same as ${other}` });
    for (const [index, name] of (route.trunks ?? []).entries()) {
      const at = report.itemPathOf(route.trunks ?? [], index);
      if (withGateways.has(name)) continue;
      if (names.includes(name)) {
        report.warn(at, { value: name, problem: 'has no gateways, so this route can’t use it' });
      } else if (trunksComplete) {
        // With a broken trunk left out, "unknown" would often be a consequence and not a second mistake.
        const near = nearestKey(name, names);
        report.error(at, {
          value: name,
          problem: `is not the name of a trunk${near === null ? '' : `; did you mean ${near}?`}`,
        });
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
  if (matches !== 1)
    report.error(path, {
      value: null,
      problem: matches === 0 ? 'matches nothing' : 'has a prefix and a number',
      allowed: one,
    });
  if (targets !== 1)
    report.error(path, {
      value: null,
      problem: targets === 0 ? 'leads nowhere' : 'has trunks and a destination',
      allowed: other,
    });
  return matches === 1 && targets === 1;
}

/** What a route of sound shape matches: a key that equals another's when both match the same, and the setting itself. */
function matchOf(route: RawRoute): {
  readonly key: string;
  readonly setting: 'prefix' | 'number';
  readonly value: string;
} {
  const setting = route.number === undefined ? 'prefix' : 'number';
  const value = route.number ?? route.prefix ?? '';
  return { key: `${setting} ${value.startsWith('+') ? value.slice(1) : value}`, setting, value };
}
