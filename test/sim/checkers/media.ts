// What the media engine is told in a world: nothing that its books don't allow, no decoded link without codecs on both
// sides, and no audio in the clear on a leg whose trunk requires encryption.
import type { EngineCode, EngineOrder } from '../../../src/engine/index.ts';
import type { FakeEndpoint } from '../../support/fake-engine.ts';
import type { SideFeatures } from '../features.ts';
import type { World } from '../world.ts';

const CALLER_HOST = '10.0.0.1';

/** Notes in `world.seen` what is told to the engine, and what of it breaks a promise. */
export function watchMedia(world: World): void {
  const { node, seen } = world;
  node.engine.onOrder = (order, code) => {
    seen.media.push(...refusalOf(order, code), ...plainAudioOf(world, order, code));
  };
  node.onOrders = (orders) => {
    seen.digits.said += orders.filter(({ kind }) => kind === 'sendDigits').length;
  };
}

/** The fake engine refuses decoded links without codecs, keys of the wrong length and digits that nobody could say. */
function refusalOf(order: EngineOrder, code: EngineCode): readonly string[] {
  if (code !== 'ORDER_INVALID') return [];
  const shape = JSON.stringify(order, (key, value: unknown) => (key === 'keys' ? '...' : value));
  return [`the engine refused ${shape}`];
}

function plainAudioOf(world: World, order: EngineOrder, code: EngineCode): readonly string[] {
  if (code !== 'OK') return [];
  const { endpoints } = world.node.engine;
  if (order.kind === 'updateEndpoint') {
    const endpoint = endpoints.get(order.endpoint);
    return endpoint === undefined ? [] : secrecyProblems(world, endpoint);
  }
  if (order.kind !== 'openLink') return [];
  return [order.from, order.to].flatMap((handle) => {
    const endpoint = endpoints.get(handle);
    return endpoint === undefined ? [] : secrecyProblems(world, endpoint);
  });
}

function secrecyProblems(world: World, { handle, keys, update }: FakeEndpoint): readonly string[] {
  const host = update?.remoteRtp?.host;
  if (host === undefined) return [];
  const side: SideFeatures = host === CALLER_HOST ? world.features.caller : world.features.callee;
  const { srtp } = side.trunk;
  if (srtp === 'required' && keys === null) return [`endpoint ${handle} to ${host} has no keys`];
  if (srtp === 'off' && keys !== null) return [`endpoint ${handle} to ${host} has keys`];
  return [];
}
