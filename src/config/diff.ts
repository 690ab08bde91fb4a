// What a reload may change while calls are up, and what has to wait for a restart.
import type { TSchema } from '@sinclair/typebox';
import { KindGuard } from '@sinclair/typebox';
import { SETTINGS_SCHEMA } from './schema.ts';
import type { Settings } from './settings.ts';

/** Changed settings by their keys in the file, such as `limits.cps`; sorted as in the schema. */
export interface ConfigDiff {
  /** SIGHUP applies these at once. */
  readonly live: readonly string[];
  /** These keep their old value until a restart. */
  readonly restart: readonly string[];
}

/** Compares two configurations. Both lists empty = nothing changed. */
export function diffConfig(before: Settings, after: Settings): ConfigDiff {
  const live: string[] = [];
  const restart: string[] = [];
  for (const { key, isLive } of KEYS) {
    if (JSON.stringify(valueAt(before, key)) === JSON.stringify(valueAt(after, key))) continue;
    (isLive ? live : restart).push(key);
  }
  return { live, restart };
}

/** The new settings with those that need a restart put back: what the node runs by after a reload. */
export function liveSettings(before: Settings, after: Settings): Settings {
  return {
    ...before,
    limits: {
      ...before.limits,
      calls: after.limits.calls,
      cps: after.limits.cps,
      drainS: after.limits.drainS,
    },
    trunks: after.trunks,
    routes: after.routes,
    log: after.log,
  };
}

const KEYS: readonly { readonly key: string; readonly isLive: boolean }[] = Object.entries(
  SETTINGS_SCHEMA.properties,
).flatMap(([name, section]: [string, TSchema]) =>
  KindGuard.IsObject(section)
    ? Object.entries(section.properties).map(([key, leaf]) => ({
        key: `${name}.${key}`,
        isLive: leaf['live'] === true,
      }))
    : [{ key: name, isLive: section['live'] === true }],
);

function valueAt(settings: Settings, key: string): unknown {
  let value: unknown = settings;
  for (const step of key.split('.')) {
    const name = step.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  return value;
}
