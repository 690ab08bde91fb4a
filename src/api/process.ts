// Is the process alive, does it take calls, its figures, and draining.
import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './deps.ts';
import { Drain, DrainBody, Health, Readiness } from './schemas.ts';

const STATUS_UNAVAILABLE = 503;

export function registerProcess(app: FastifyInstance, deps: ApiDeps): void {
  app.get('/healthz', { schema: { response: { 200: Health } } }, () => ({ status: 'ok' }));

  app.get(
    '/readyz',
    { schema: { response: { 200: Readiness, 503: Readiness } } },
    (_request, reply) => {
      const reasons = deps.notReady();
      return reply
        .code(reasons.length === 0 ? 200 : STATUS_UNAVAILABLE)
        .send({ ready: reasons.length === 0, reasons });
    },
  );

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await deps.metrics();
    return reply.type(contentType).send(text);
  });

  app.post<{ Body: DrainBody }>(
    '/v1/drain',
    { schema: { body: DrainBody, response: { 200: Drain } } },
    (request) => {
      const state = deps.drain(request.body.action);
      return { draining: state.draining, calls_active: state.callsActive };
    },
  );
}
