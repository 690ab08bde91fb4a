// Trunks and routes: their state, and edits of those that were made here. What stands in the YAML file is the file's.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { err, ok, type CodedError, type Result } from '../base/index.ts';
import type { ApiDeps, ManagedObject, ObjectBook } from './deps.ts';
import { sendError } from './errors.ts';
import { ListQuery, NameParams, ObjectBody, TrunkList } from './schemas.ts';
import { SECRET_SHOWN, withoutSecrets } from './secrets.ts';

const STATUS_OK = 200;
const STATUS_CREATED = 201;
const STATUS_NO_CONTENT = 204;
/** The name of the route with the empty prefix: an empty path segment is none. */
const EMPTY_PREFIX_NAME = 'default';
/** Marks the name of a route that matches one whole number: `44` may be a prefix too. */
const NUMBER_MARK = 'number:';

/** One family of objects: where it lives and how its members are named. */
interface Family {
  readonly path: string;
  readonly noun: string;
  readonly book: ObjectBook;
  /** The body's own name for itself; null when it gives none. */
  readonly nameIn: (body: ObjectBody) => string | null;
  /** The body with the name of the path in it. */
  readonly named: (body: ObjectBody, name: string) => ObjectBody;
}

export function registerObjects(app: FastifyInstance, deps: ApiDeps): void {
  app.get(
    '/v1/trunks',
    { schema: { querystring: ListQuery, response: { 200: TrunkList } } },
    () => ({
      trunks: deps.trunkStates().map((trunk) => ({
        name: trunk.name,
        owner: trunk.owner,
        channels_in_use: trunk.channelsInUse,
        channels: trunk.channels,
        cps: trunk.cps,
        gateways: trunk.gateways,
      })),
    }),
  );
  app.get('/v1/routes', { schema: { querystring: ListQuery } }, () => ({
    routes: deps.routes.list().map(shown),
  }));

  const alone = oneAtATime();
  registerFamily(app, alone, {
    path: '/v1/trunks',
    noun: 'trunk',
    book: deps.trunks,
    nameIn: (body) =>
      typeof body['name'] === 'string' && body['name'] !== '' ? body['name'] : null,
    named: (body, name) => ({ ...body, name }),
  });
  registerFamily(app, alone, {
    path: '/v1/routes',
    noun: 'route',
    book: deps.routes,
    nameIn: routeNameIn,
    named: routeNamed,
  });
}

/** A body with a prefix and a number gets one name here; that it may not have both is the validator's to say. */
function routeNameIn({ prefix, number }: ObjectBody): string | null {
  if (typeof number === 'string') return `${NUMBER_MARK}${number}`;
  return typeof prefix === 'string' ? prefix || EMPTY_PREFIX_NAME : null;
}

function routeNamed(body: ObjectBody, name: string): ObjectBody {
  if (name.startsWith(NUMBER_MARK)) return { ...body, number: name.slice(NUMBER_MARK.length) };
  return { ...body, prefix: name === EMPTY_PREFIX_NAME ? '' : name };
}

type Alone = (edit: () => Promise<FastifyReply>) => Promise<FastifyReply>;

function registerFamily(app: FastifyInstance, alone: Alone, family: Family): void {
  const { path } = family;
  app.get<{ Params: NameParams }>(
    `${path}/:name`,
    { schema: { params: NameParams } },
    (request, reply) => {
      const { name } = request.params;
      const object = find(family, name);
      return object === undefined
        ? sendError(reply, unknown(family, name))
        : reply.send(shown(object));
    },
  );
  app.post<{ Body: ObjectBody }>(path, { schema: { body: ObjectBody } }, (request, reply) =>
    alone(() => create(reply, family, request.body)),
  );
  app.put<{ Params: NameParams; Body: ObjectBody }>(
    `${path}/:name`,
    { schema: { params: NameParams, body: ObjectBody } },
    (request, reply) => alone(() => replace(reply, family, request.params.name, request.body)),
  );
  app.delete<{ Params: NameParams }>(
    `${path}/:name`,
    { schema: { params: NameParams } },
    (request, reply) => alone(() => remove(reply, family, request.params.name)),
  );
}

function find({ book }: Family, name: string): ManagedObject | undefined {
  return book.list().find((object) => object.name === name);
}

function unknown({ noun }: Family, name: string): CodedError {
  return { code: 'RESOURCE_NOT_FOUND', message: `no ${noun} '${name}'` };
}

function owned({ noun }: Family, name: string): CodedError {
  const message = `${noun} '${name}' stands in the configuration file; change it there and reload`;
  return { code: 'CONFIG_OWNED', message };
}

async function create(
  reply: FastifyReply,
  family: Family,
  body: ObjectBody,
): Promise<FastifyReply> {
  const { noun } = family;
  const name = family.nameIn(body);
  if (name === null) {
    const message = `the ${noun} has no ${noun === 'route' ? 'prefix and no number' : 'name'}`;
    return sendError(reply, { code: 'REQUEST_INVALID', message });
  }
  const existing = find(family, name);
  if (existing?.owner === 'config') return sendError(reply, owned(family, name));
  if (existing !== undefined) {
    const message = `there is a ${noun} '${name}' already; PUT replaces it`;
    return sendError(reply, { code: 'NAME_TAKEN', message });
  }
  return store(reply, family, name, body, STATUS_CREATED);
}

async function replace(
  reply: FastifyReply,
  family: Family,
  name: string,
  body: ObjectBody,
): Promise<FastifyReply> {
  const existing = find(family, name);
  if (existing?.owner === 'config') return sendError(reply, owned(family, name));
  const within = family.nameIn(body);
  if (within !== null && within !== name) {
    const message = `the body names ${family.noun} '${within}', the path '${name}'`;
    return sendError(reply, { code: 'REQUEST_INVALID', message });
  }
  return store(reply, family, name, body, existing === undefined ? STATUS_CREATED : STATUS_OK);
}

async function remove(reply: FastifyReply, family: Family, name: string): Promise<FastifyReply> {
  const existing = find(family, name);
  if (existing === undefined) return sendError(reply, unknown(family, name));
  if (existing.owner === 'config') return sendError(reply, owned(family, name));
  const removed = await family.book.remove(name);
  return removed.ok ? reply.code(STATUS_NO_CONTENT).send() : sendError(reply, removed.error);
}

async function store(
  reply: FastifyReply,
  family: Family,
  name: string,
  body: ObjectBody,
  status: number,
): Promise<FastifyReply> {
  const checked = noShownSecret(family.named(body, name));
  if (!checked.ok) return sendError(reply, checked.error);
  const valid = family.book.validate(name, checked.value);
  if (!valid.ok) return sendError(reply, valid.error);
  const stored = await family.book.put(name, valid.value);
  if (!stored.ok) return sendError(reply, stored.error);
  if (status === STATUS_CREATED)
    void reply.header('location', `${family.path}/${encodeURIComponent(name)}`);
  return reply.code(status).send(shown({ name, owner: 'api', body: valid.value, problem: null }));
}

function shown(object: ManagedObject): Readonly<Record<string, unknown>> {
  const { name, owner, problem } = object;
  const body = withoutSecrets(object.body);
  return problem === null ? { name, owner, body } : { name, owner, body, problem };
}

/** A body that was read here and is sent back would make the mark the password. */
function noShownSecret(body: ObjectBody): Result<ObjectBody, CodedError> {
  return JSON.stringify(body).includes(`:${JSON.stringify(SECRET_SHOWN)}`)
    ? err({
        code: 'REQUEST_INVALID',
        message: `'${SECRET_SHOWN}' stands for a value that is not shown; give the value itself`,
      })
    : ok(body);
}

/** Edits wait for each other, so that a check still holds when its write is done. */
function oneAtATime(): Alone {
  let last: Promise<unknown> = Promise.resolve();
  return (edit) => {
    const result = last.then(edit);
    last = result.catch(() => undefined);
    return result;
  };
}
