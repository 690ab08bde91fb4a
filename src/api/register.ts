// Puts all resources on a fastify instance, and says how that instance must be made.
import { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { registerCalls } from './calls.ts';
import { registerCdrs } from './cdrs.ts';
import type { ApiDeps } from './deps.ts';
import { answerClientError, registerErrors, sendError } from './errors.ts';
import { refuseForeignHosts } from './hosts.ts';
import { registerObjects } from './objects.ts';
import { registerProcess } from './process.ts';

const BODY_BYTES_MAX = 64 * 1024;
const PARAM_CHARS_MAX = 256;
/** A request must be whole within so long; a slow client must not hold a connection. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Options the instance must be made with: limits, and checks that refuse a wrong type instead of converting it.
 * The server adds its logger.
 */
export const apiServerOptions = {
  bodyLimit: BODY_BYTES_MAX,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  // Stopping must not wait for idle connections of a dashboard.
  forceCloseConnections: true,
  // A line per request would drown the log under a metrics scraper; faults are logged in errors.ts.
  logController: new LogController({ disableRequestLogging: true }),
  routerOptions: { maxParamLength: PARAM_CHARS_MAX },
  ajv: {
    customOptions: {
      coerceTypes: false,
      removeAdditional: false,
      useDefaults: false,
      allErrors: false,
    },
  },
  clientErrorHandler: answerClientError,
  // Requests the router itself refuses, such as a path with a broken escape.
  frameworkErrors: (error, _request, reply) => {
    sendError(reply, { code: 'REQUEST_INVALID', message: error.message });
  },
} as const satisfies FastifyServerOptions;

/**
 * Registers /healthz, /readyz, /metrics and everything under /v1. The instance is the caller's: it must be made with
 * `apiServerOptions`, is not listened on here, and is closed by the caller. Call once, before `ready`.
 */
export function registerRoutes(app: FastifyInstance, deps: ApiDeps): void {
  registerErrors(app);
  refuseForeignHosts(app, deps);
  const methodsByPath = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    const methods = methodsByPath.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) methods.add(method);
    methodsByPath.set(route.url, methods);
  });
  registerProcess(app, deps);
  registerCalls(app, deps);
  registerCdrs(app, deps);
  registerObjects(app, deps);
  refuseOtherMethods(app, methodsByPath);
}

/** A known path with a wrong method is 405 with Allow (RFC 9110 §15.5.6), not 404. */
function refuseOtherMethods(
  app: FastifyInstance,
  methodsByPath: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  for (const [url, methods] of [...methodsByPath].map(
    ([path, used]) => [path, new Set(used)] as const,
  )) {
    const allow = [...methods].sort().join(', ');
    app.route({
      method: METHODS.filter((method) => !methods.has(method)),
      url,
      exposeHeadRoute: false,
      handler: (request, reply) => {
        void reply.header('allow', allow);
        return sendError(reply, {
          code: 'METHOD_NOT_ALLOWED',
          message: `${request.method} is not for ${url}`,
        });
      },
    });
  }
}
