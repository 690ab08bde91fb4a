// Trunks and routes as one list: those of the file, which only the file changes, and those made through the API, which the
// store keeps. Every change is checked against the whole before it is stored, and applied to new calls after it is.
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { ManagedObject, ObjectBook } from '../api/index.ts';
import type { ConfigFinding, RouteSettings, Settings, TrunkSettings } from '../config/index.ts';
import { findingText, validateRoute, validateTrunk } from '../config/index.ts';
import type { ObjectKind, Store } from '../store/index.ts';
import type { TrunkBook } from '../trunks/index.ts';
import { buildTrunkBook } from '../trunks/index.ts';

interface Kept<T> {
  readonly body: unknown;
  readonly settings: T;
}

interface Kind<T> {
  readonly kind: ObjectKind;
  readonly validate: (body: unknown) => Result<T, readonly ConfigFinding[]>;
  readonly nameOf: (settings: T) => string;
  readonly made: Map<string, Kept<T>>;
}

export interface TrunkObjectsOptions {
  readonly store: Store;
  readonly settings: Settings;
  /** Called with each new book that new calls shall use. */
  readonly onBook: (book: TrunkBook) => void;
}

export class TrunkObjects {
  readonly #store: Store;
  readonly #onBook: (book: TrunkBook) => void;
  #settings: Settings;
  readonly #trunks: Kind<TrunkSettings> = {
    kind: 'trunk',
    validate: validateTrunk,
    nameOf: (trunk) => trunk.name,
    made: new Map(),
  };
  readonly #routes: Kind<RouteSettings> = {
    kind: 'route',
    validate: validateRoute,
    nameOf: routeName,
    made: new Map(),
  };
  readonly trunks: ObjectBook;
  readonly routes: ObjectBook;

  private constructor(options: TrunkObjectsOptions) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.#onBook = options.onBook;
    this.trunks = this.#bookOf(this.#trunks, () => this.#settings.trunks);
    this.routes = this.#bookOf(this.#routes, () => this.#settings.routes);
  }

  /**
   * Loads what the API made and joins it with the file's.
   * @returns CONFIG_INVALID naming the clash when both have the same name or number; STORE_UNAVAILABLE.
   */
  static async load(options: TrunkObjectsOptions): Promise<Result<TrunkObjects, CodedError>> {
    const objects = new TrunkObjects(options);
    for (const load of [objects.#loadKind(objects.#trunks), objects.#loadKind(objects.#routes)]) {
      const loaded = await load;
      if (!loaded.ok) return loaded;
    }
    const book = objects.#build(options.settings);
    if (!book.ok) return book;
    options.onBook(book.value);
    return ok(objects);
  }

  /** A reload: the file's part is replaced, or nothing is when the whole doesn't fit together. */
  reload(settings: Settings): Result<void, CodedError> {
    const book = this.#build(settings);
    if (!book.ok) return book;
    this.#settings = settings;
    this.#onBook(book.value);
    return ok(undefined);
  }

  async #loadKind<T>(kind: Kind<T>): Promise<Result<void, CodedError>> {
    const stored = await this.#store.listObjects(kind.kind);
    if (!stored.ok) return stored;
    for (const { name, body } of stored.value) {
      const valid = kind.validate(body);
      if (!valid.ok) {
        return err({ code: 'CONFIG_INVALID', message: `stored ${kind.kind} ${name}: ${textOf(valid.error)}` });
      }
      kind.made.set(name, { body, settings: valid.value });
    }
    return ok(undefined);
  }

  #build(settings: Settings): Result<TrunkBook, CodedError> {
    return buildTrunkBook({
      trunks: [...settings.trunks, ...[...this.#trunks.made.values()].map((kept) => kept.settings)],
      routes: [...settings.routes, ...[...this.#routes.made.values()].map((kept) => kept.settings)],
    });
  }

  #bookOf<T>(kind: Kind<T>, fromFile: () => readonly T[]): ObjectBook {
    return {
      list: () => [
        ...fromFile().map((settings): ManagedObject => ({ name: kind.nameOf(settings), owner: 'config', body: shown(settings) })),
        ...[...kind.made].map(([name, kept]): ManagedObject => ({ name, owner: 'api', body: shown(kept.settings) })),
      ],
      validate: (name, body) => this.#validate(kind, name, body),
      put: (name, body) => this.#put(kind, name, body),
      remove: (name) => this.#remove(kind, name),
    };
  }

  #validate<T>(kind: Kind<T>, name: string, body: unknown): Result<unknown, CodedError> {
    const valid = kind.validate(body);
    if (!valid.ok) return err({ code: 'REQUEST_INVALID', message: textOf(valid.error) });
    const own = kind.nameOf(valid.value);
    if (own !== name) {
      return err({ code: 'REQUEST_INVALID', message: `the body names ${own}, the address names ${name}` });
    }
    return ok(shown(valid.value));
  }

  async #put<T>(kind: Kind<T>, name: string, body: unknown): Promise<Result<void, CodedError>> {
    const valid = kind.validate(body);
    if (!valid.ok) return err({ code: 'REQUEST_INVALID', message: textOf(valid.error) });
    return this.#change(kind, name, { body, settings: valid.value }, () => this.#store.putObject(kind.kind, name, body));
  }

  async #remove<T>(kind: Kind<T>, name: string): Promise<Result<void, CodedError>> {
    return this.#change(kind, name, null, async () => {
      const deleted = await this.#store.deleteObject(kind.kind, name);
      return deleted.ok ? ok(undefined) : deleted;
    });
  }

  // Tried on the book first, stored next, applied last: what can't be applied is never stored, what isn't stored never applied.
  async #change<T>(
    kind: Kind<T>,
    name: string,
    to: Kept<T> | null,
    store: () => Promise<Result<void, CodedError>>,
  ): Promise<Result<void, CodedError>> {
    const before = kind.made.get(name);
    const set = (kept: Kept<T> | null | undefined): void => {
      if (kept === null || kept === undefined) kind.made.delete(name);
      else kind.made.set(name, kept);
    };
    set(to);
    const book = this.#build(this.#settings);
    const stored = book.ok ? await store() : err({ code: 'REQUEST_INVALID', message: book.error.message } as const);
    if (!stored.ok || !book.ok) {
      set(before);
      return stored.ok ? ok(undefined) : stored;
    }
    this.#onBook(book.value);
    return ok(undefined);
  }
}

/** A route's name at the API: its prefix or number, `default` for the empty prefix. */
function routeName(route: RouteSettings): string {
  const text = route.match.kind === 'exact' ? route.match.number : route.match.prefix;
  return text === '' ? 'default' : text;
}

function textOf(findings: readonly ConfigFinding[]): string {
  return findings.map(findingText).join('; ');
}

/** Settings without what must not be read back. */
function shown(settings: unknown): unknown {
  return JSON.parse(
    JSON.stringify(settings, (key, value: unknown) =>
      ['password', 'ha1Md5', 'ha1Sha256'].includes(key) && value !== null ? '***' : value,
    ),
  ) as unknown;
}
