// Trunks and routes as one list: those of the file, which only the file changes, and those made through the API, which the
// store keeps. Every change is checked against the whole before it is stored, and applied to new calls after it is.
import type { ManagedObject, ObjectBook } from '../api/index.ts';
import { withoutSecrets } from '../api/index.ts';
import type { CodedError, Log, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type {
  ConfigFinding,
  LimitSettings,
  RouteSettings,
  Settings,
  TrunkSettings,
} from '../config/index.ts';
import { findingText, ownPoint, validateRoute, validateTrunk } from '../config/index.ts';
import { computeHa1 } from '../sip/index.ts';
import type { ObjectKind, Store } from '../store/index.ts';
import type { TrunkBook } from '../trunks/index.ts';
import { buildTrunkBook } from '../trunks/index.ts';
import type { ObjectBody } from './object-bodies.ts';
import { routeBody, trunkBody } from './object-bodies.ts';

/** Trunks or routes: how they're checked, named and written, and those the API made, by name. */
interface Family<T> {
  readonly kind: ObjectKind;
  readonly validate: (body: unknown) => Result<T, readonly ConfigFinding[]>;
  readonly nameOf: (settings: T) => string;
  readonly bodyOf: (settings: T) => ObjectBody;
  readonly made: Map<string, T>;
  /** Stored, but left out: see loadFamily. */
  readonly broken: Map<string, Broken>;
}

/** A stored object that can't be used. */
interface Broken {
  readonly body: unknown;
  readonly problem: string;
}

/** The store's part that is needed here. */
export type ObjectStore = Pick<Store, 'listObjects' | 'putObject' | 'deleteObject'>;

export interface TrunkObjectsOptions {
  readonly store: ObjectStore;
  readonly settings: Settings;
  readonly log: Log;
  /** Called with each new book that new calls shall use, and the caps that go with it. */
  readonly onBook: (book: TrunkBook, limits: LimitSettings) => void;
}

/** The one owner of which trunks and routes there are. */
export class TrunkObjects {
  readonly #options: TrunkObjectsOptions;
  readonly #trunks: Family<TrunkSettings> = {
    kind: 'trunk',
    validate: (body) => {
      const trunk = validateTrunk(body);
      return trunk.ok ? this.#noLoop(trunk.value) : trunk;
    },
    nameOf: ({ name }) => name,
    bodyOf: trunkBody,
    made: new Map(),
    broken: new Map(),
  };
  readonly #routes: Family<RouteSettings> = {
    kind: 'route',
    validate: validateRoute,
    nameOf: routeName,
    bodyOf: routeBody,
    made: new Map(),
    broken: new Map(),
  };
  readonly #hashed = new WeakMap<TrunkSettings, TrunkSettings>();
  #settings: Settings;
  #book: TrunkBook;
  /** For the API's resources of the same names. */
  readonly trunks: ObjectBook = this.#bookOf(this.#trunks, () => this.#settings.trunks);
  readonly routes: ObjectBook = this.#bookOf(this.#routes, () => this.#settings.routes);

  private constructor(options: TrunkObjectsOptions, empty: TrunkBook) {
    this.#options = options;
    this.#settings = options.settings;
    this.#book = empty;
  }

  /**
   * Loads what the API made and joins it with the file's.
   * @returns CONFIG_INVALID naming the clash when both have the same name or number; STORE_UNAVAILABLE.
   */
  static async load(options: TrunkObjectsOptions): Promise<Result<TrunkObjects, CodedError>> {
    const empty = buildTrunkBook({ trunks: [], routes: [] });
    if (!empty.ok) return empty;
    const objects = new TrunkObjects(options, empty.value);
    const trunks = await objects.#loadFamily(objects.#trunks);
    if (!trunks.ok) return trunks;
    const routes = await objects.#loadFamily(objects.#routes);
    if (!routes.ok) return routes;
    objects.#leaveOutOrphans();
    const used = objects.reload(options.settings);
    return used.ok ? ok(objects) : used;
  }

  /** The book new calls use. */
  get book(): TrunkBook {
    return this.#book;
  }

  /** A reload: the file's part is replaced, or nothing is (CONFIG_INVALID) when the whole doesn't fit together. */
  reload(settings: Settings): Result<void, CodedError> {
    const clash = this.#clashOf(settings);
    if (clash !== null) return err({ code: 'CONFIG_INVALID', message: clash });
    const book = this.#build(settings);
    if (!book.ok) {
      const { code, message } = book.error;
      return err({ code, message: `the file and what the API made don’t fit: ${message}` });
    }
    this.#settings = settings;
    this.#use(this.#withOrphans(book.value));
    return ok(undefined);
  }

  #noLoop(trunk: TrunkSettings): Result<TrunkSettings, readonly ConfigFinding[]> {
    const { sip } = this.#settings.listen;
    const index = trunk.gateways.findIndex((gateway) => ownPoint(gateway, sip) !== null);
    const gateway = trunk.gateways[index];
    if (gateway === undefined) return ok(trunk);
    return err([
      {
        severity: 'error',
        file: '(request)',
        line: 0,
        column: 0,
        key: `gateways[${index}].uri`,
        value: gateway.uri,
        problem: 'is this node itself: its calls would come back for ever',
        allowed: null,
      },
    ]);
  }

  /** The first setting of the file that the API has made as well, by its key; null when there is none. */
  #clashOf({ trunks, routes }: Settings): string | null {
    const trunk = trunks.findIndex(({ name }) => this.#trunks.made.has(name));
    if (trunk >= 0) {
      const name = trunks[trunk]?.name ?? '';
      return `trunks[${trunk}].name: ${name}: is the name of a trunk that was made through the API too`;
    }
    const route = routes.findIndex((settings) => this.#routes.made.has(routeName(settings)));
    const match = routes[route]?.match;
    if (match === undefined) return null;
    const [key, value] =
      match.kind === 'exact' ? ['number', match.number] : ['prefix', match.prefix || '(empty)'];
    return `routes[${route}].${key}: ${value}: matches the same, with or without +, as a route that was made through the API`;
  }

  #use(book: TrunkBook): void {
    this.#book = book;
    this.#options.onBook(book, this.#settings.limits);
  }

  /**
   * What is not valid any more (an older version took it, or `listen.sip` now names its gateway) is left out, so that the node
   * starts and with it the API, which alone can mend or delete it.
   */
  async #loadFamily<T>(family: Family<T>): Promise<Result<void, CodedError>> {
    const { kind, validate, made } = family;
    const stored = await this.#options.store.listObjects(kind);
    if (!stored.ok) return stored;
    for (const { name, body } of stored.value) {
      const valid = validate(body);
      if (valid.ok) made.set(name, valid.value);
      else this.#leaveOut(family, name, { body, problem: textOf(valid.error) });
    }
    return ok(undefined);
  }

  /** A route over a trunk that was left out would fit no book. */
  #leaveOutOrphans(): void {
    const { made } = this.#routes;
    for (const [name, route] of made) {
      const trunk = trunksOf(route).find((one) => this.#trunks.broken.has(one));
      if (trunk === undefined) continue;
      made.delete(name);
      const problem = `its trunk ${trunk} is left out`;
      this.#leaveOut(this.#routes, name, { body: this.#routes.bodyOf(route), problem });
    }
  }

  /** Takes routes back in whose trunk is there again, mended or made by the file. @returns the book with them. */
  #withOrphans(book: TrunkBook): TrunkBook {
    const { made, broken, validate } = this.#routes;
    let whole = book;
    for (const [name, { body }] of broken) {
      const route = validate(body);
      if (!route.ok) continue;
      made.set(name, route.value);
      const tried = this.#clashOf(this.#settings) === null ? this.#build(this.#settings) : null;
      if (tried?.ok === true) {
        whole = tried.value;
        broken.delete(name);
        this.#options.log.info({ kind: 'route', name }, 'route is used again: its trunk is there');
      } else made.delete(name);
    }
    return whole;
  }

  #leaveOut<T>({ kind, broken }: Family<T>, name: string, left: Broken): void {
    broken.set(name, left);
    this.#options.log.error(
      { kind, name, problem: left.problem },
      'object made by the API is left out: it is not valid any more',
    );
  }

  #build(settings: Settings): Result<TrunkBook, CodedError> {
    const trunks = [...settings.trunks, ...this.#trunks.made.values()];
    return buildTrunkBook({
      trunks: trunks.map((trunk) => this.#withHashes(trunk)),
      routes: [...settings.routes, ...this.#routes.made.values()],
    });
  }

  /**
   * The book holds hashes where the settings hold a password: made once here and not for each answer to a challenge, where
   * the time they take would tell a user that exists from one that doesn't.
   */
  #withHashes(trunk: TrunkSettings): TrunkSettings {
    const { auth } = trunk;
    if (auth === null || auth.kind === 'ha1') return trunk;
    const known = this.#hashed.get(trunk);
    if (known !== undefined) return known;
    const { username, password } = auth;
    const { realm } = this.#settings.listen;
    const { md5, sha256 } = computeHa1({ username, realm, password });
    const hashed: TrunkSettings = {
      ...trunk,
      auth: { kind: 'ha1', username, ha1Md5: md5, ha1Sha256: sha256 },
    };
    this.#hashed.set(trunk, hashed);
    return hashed;
  }

  #bookOf<T>(family: Family<T>, fromFile: () => readonly T[]): ObjectBook {
    const shown = (settings: T, owner: ManagedObject['owner']): ManagedObject => ({
      name: family.nameOf(settings),
      owner,
      body: withoutSecrets(family.bodyOf(settings)),
      problem: null,
    });
    return {
      list: () => [
        ...fromFile().map((settings) => shown(settings, 'config')),
        ...[...family.made.values()].map((settings) => shown(settings, 'api')),
        ...[...family.broken].map(([name, { body, problem }]): ManagedObject => ({
          name,
          owner: 'api',
          body: withoutSecrets(body),
          problem,
        })),
      ],
      validate: (name, body) => {
        const read = this.#read(family, name, body);
        if (!read.ok) return read;
        const tried = this.#try(family, name, read.value);
        return tried.ok ? ok(family.bodyOf(read.value)) : tried;
      },
      put: async (name, body) => {
        const read = this.#read(family, name, body);
        return read.ok ? this.#change(family, name, read.value) : read;
      },
      remove: (name) => this.#change(family, name, null),
    };
  }

  #read<T>({ validate, nameOf }: Family<T>, name: string, body: unknown): Result<T, CodedError> {
    const valid = validate(body);
    if (!valid.ok) return err({ code: 'REQUEST_INVALID', message: textOf(valid.error) });
    const own = nameOf(valid.value);
    if (own === name) return ok(valid.value);
    const message = `the body names ${own}, the address names ${name}`;
    return err({ code: 'REQUEST_INVALID', message });
  }

  /** What a change would be refused for; changes nothing. */
  #try<T>({ made }: Family<T>, name: string, to: T | null): Result<void, CodedError> {
    const before = made.get(name) ?? null;
    set(made, name, to);
    const book = this.#build(this.#settings);
    set(made, name, before);
    // What fitted before and doesn't without it is in need of it.
    const code = to === null ? 'NAME_IN_USE' : 'REQUEST_INVALID';
    return book.ok ? ok(undefined) : err({ code, message: book.error.message });
  }

  // Tried first, stored next, applied last: what can't be applied is never stored, what isn't stored is never applied.
  async #change<T>(
    family: Family<T>,
    name: string,
    to: T | null,
  ): Promise<Result<void, CodedError>> {
    const tried = this.#try(family, name, to);
    if (!tried.ok) return tried;
    const before = family.made.get(name) ?? null;
    const stored = await this.#write(family, name, to);
    if (!stored.ok) return stored;
    set(family.made, name, to);
    const book = this.#build(this.#settings);
    if (book.ok) {
      family.broken.delete(name);
      this.#use(this.#withOrphans(book.value));
      return ok(undefined);
    }
    // A reload came while the store wrote, and the two don't fit together: the file was first.
    set(family.made, name, before);
    const undone = await this.#write(family, name, before);
    if (!undone.ok) {
      const problem = undone.error.message;
      this.#options.log.error({ kind: family.kind, name, problem }, 'store keeps a refused change');
    }
    return err({ code: 'REQUEST_INVALID', message: book.error.message });
  }

  async #write<T>(
    { kind, bodyOf }: Family<T>,
    name: string,
    to: T | null,
  ): Promise<Result<void, CodedError>> {
    const { store } = this.#options;
    if (to !== null) return store.putObject(kind, name, bodyOf(to));
    const deleted = await store.deleteObject(kind, name);
    return deleted.ok ? ok(undefined) : deleted;
  }
}

function trunksOf({ target }: RouteSettings): readonly string[] {
  return target.kind === 'trunks' ? target.trunks : [];
}

function set<T>(made: Map<string, T>, name: string, to: T | null): void {
  if (to === null) made.delete(name);
  else made.set(name, to);
}

/** A route's name at the API: its prefix, `default` for the empty one. A whole number gets a mark: `44` may be a prefix too. */
function routeName({ match }: RouteSettings): string {
  if (match.kind === 'exact') return `number:${match.number}`;
  return match.prefix === '' ? 'default' : match.prefix;
}

function textOf(findings: readonly ConfigFinding[]): string {
  return findings.map(findingText).join('; ');
}
