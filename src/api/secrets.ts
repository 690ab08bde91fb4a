// What never leaves by the API: passwords and hashes of them, in whatever object they stand.

/** What is shown in place of a secret. */
export const SECRET_SHOWN = '(secret)';

/** Keys whose values go in and never out, at any depth of a body. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  'password',
  'ha1',
  'ha1_md5',
  'ha1_sha256',
  'secret',
  'token',
]);

/** A body for eyes: secrets, at any depth, replaced. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEYS.has(key) && typeof inner === 'string' ? SECRET_SHOWN : withoutSecrets(inner),
    ]),
  );
}
