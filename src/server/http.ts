// The HTTP side of a control process: fastify listens here, the routes are the API room's.
import { fastify } from 'fastify';
import type { CodedError, Log, Result } from '../base/index.ts';
import { err, hostPortText, ok } from '../base/index.ts';
import type { ApiDeps, LiveCall, LiveLeg, NotReadyReason, TrunkState } from '../api/index.ts';
import { apiServerOptions, registerRoutes } from '../api/index.ts';
import type * as b2bua from '../b2bua/index.ts';
import type { Settings } from '../config/index.ts';
import type { Node } from './compose.ts';

/** The HTTP side while it listens. */
export interface HttpServer {
  /** Ends idle connections and waits for answers under way. */
  close(): Promise<void>;
}

/** Listens where the configuration says, if anywhere. ADDRESS_IN_USE naming the address and why. */
export async function openHttp(
  node: Node,
  { http: at, httpHosts }: Settings['listen'],
  log: Log,
): Promise<Result<HttpServer, CodedError>> {
  if (at === null) return ok({ close: () => Promise.resolve() });
  const app = fastify(apiServerOptions);
  const isLoopback = at.host.startsWith('127.') || at.host === '::1';
  registerRoutes(app, { ...depsOf(node), ownNames: isLoopback ? httpHosts : null });
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    await app.close();
    return err({
      code: 'ADDRESS_IN_USE',
      message: `listen.http: can't listen on http://${hostPortText(at)}: ${listenProblem(error)}`,
    });
  }
  log.info({ address: hostPortText(at) }, 'HTTP listens');
  return ok({
    close: async () => {
      await app.close();
    },
  });
}

/** As the transport room puts it for SIP. */
function listenProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return 'another program has it';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error.message;
}

function depsOf(node: Node): Omit<ApiDeps, 'ownNames'> {
  const { b2bua } = node;
  return {
    notReady: () => notReady(node),
    drain: (action) => {
      node.drain(action);
      if (action === 'stop') node.wantStop();
      return { draining: b2bua.draining, callsActive: b2bua.callCount };
    },
    metrics: async () => ({
      contentType: node.metrics.registry.contentType,
      text: await node.metrics.registry.metrics(),
    }),
    *liveCalls() {
      for (const call of b2bua.liveCalls()) yield shownCall(call);
    },
    liveCall: (callId) => {
      const call = b2bua.liveCall(callId);
      return call === null ? null : shownCall(call);
    },
    hangUp: (callId) => {
      if (b2bua.liveCall(callId) === null) return false;
      node.command({ kind: 'hangup', callId, cause: 'ENDED_BY_OPERATOR' });
      return true;
    },
    cdrs: node.store,
    trunkStates: () => trunkStates(node),
    trunks: node.objects.trunks,
    routes: node.objects.routes,
  };
}

function notReady(node: Node): readonly NotReadyReason[] {
  const reasons: NotReadyReason[] = [];
  if (node.transport === null) reasons.push('starting');
  if (node.b2bua.draining) reasons.push('draining');
  if (!node.store.health.available) reasons.push('store_unavailable');
  if (!node.media.ready) reasons.push('engine_lost');
  return reasons;
}

function shownCall(call: b2bua.LiveCall): LiveCall {
  return {
    callId: call.callId,
    startedAt: call.startedAt,
    answeredAt: call.answeredAt,
    legs: call.legs.map((leg) => shownLeg(call, leg)),
  };
}

function shownLeg(call: b2bua.LiveCall, leg: b2bua.LiveLeg): LiveLeg {
  const { legId, direction, trunk, gateway, sipCallId, caller, called, codec } = leg;
  return {
    legId,
    direction,
    trunk,
    gateway,
    sipCallId,
    caller,
    called,
    codec,
    state: stateOf(call, leg),
  };
}

function stateOf(call: b2bua.LiveCall, leg: b2bua.LiveLeg): LiveLeg['state'] {
  if (call.phase === 'ending') return 'ending';
  if (leg.answeredAt !== null) return 'answered';
  return leg.ringingAt === null ? 'setup' : 'ringing';
}

function trunkStates(node: Node): readonly TrunkState[] {
  const owners = new Map(node.objects.trunks.list().map((object) => [object.name, object.owner]));
  const loads = new Map(node.admission.trunkLoads().map((load) => [load.trunkId, load]));
  return node.book.trunks.map((trunk) => ({
    name: trunk.name,
    owner: owners.get(trunk.name) ?? 'config',
    channelsInUse: loads.get(trunk.id)?.channelsUsed ?? 0,
    channels: trunk.channels,
    cps: trunk.cps,
    gateways: trunk.gateways.map((gateway) => ({
      uri: gateway.uri,
      state: node.health.stateOf(gateway.id) === 'up' ? 'up' : 'down',
    })),
  }));
}
