// What the media engine tells: endpoints opened and closed, orders refused, silence, and the end of the media process.
import { neverReached } from '../base/index.ts';
import type { EngineEvent } from '../engine/index.ts';
import type { CallTable } from './call-table.ts';
import { onDigit } from './digits.ts';
import { endCall } from './ending.ts';
import { outcomeOf } from './outcome.ts';
import { connectionDone, endpointOpened } from './setup.ts';
import { endpointClosed, forgetEndpoints } from './teardown.ts';

/** Finds the call of an event and lets it take the news. */
export function onEngineEvent(table: CallTable, event: EngineEvent): void {
  switch (event.kind) {
    case 'endpointOpened':
      onOpened(table, event);
      break;
    case 'endpointClosed': {
      const use = table.takeOrder(event.order);
      if (use !== null && table.calls.has(use.call.id))
        endpointClosed(table, use.call, use.leg, event);
      break;
    }
    case 'orderDone': {
      const use = table.takeOrder(event.order);
      if (use !== null && use.kind !== 'say') connectionDone(table, use.call, event);
      break;
    }
    case 'mediaTimeout': {
      const place = table.byEndpoint(event.endpoint);
      // Before the answer a caller need not send anything, and the ring timer bounds the call; the connection that goes with
      // the 200 starts the engine's clock anew.
      if (place?.call.phase === 'answered')
        endCall(table, place.call, outcomeOf('MEDIA_TIMEOUT'), 'platform');
      break;
    }
    case 'mediaStarted':
    case 'latched':
    case 'clipLoaded':
    case 'playEnded':
    case 'recordingEnded':
    case 'speech':
    // Calls of two parties are in no conference.
    case 'conferenceOpened':
    case 'speaker':
      break;
    case 'digit': {
      const place = table.byEndpoint(event.endpoint);
      if (place !== null) onDigit(table, place.call, place.leg, event);
      break;
    }
    case 'engineLost':
      onEngineLost(table);
      break;
    default:
      neverReached(event);
  }
}

function onOpened(table: CallTable, event: Extract<EngineEvent, { kind: 'endpointOpened' }>): void {
  const use = table.takeOrder(event.order);
  if (use === null) return;
  if (table.calls.has(use.call.id)) {
    endpointOpened(table, use.call, use.leg, event);
  } else if (event.code === 'OK') {
    // The call gave up waiting: nobody else will ever close this endpoint.
    table.closeOrphan(event.endpoint);
  }
}

function onEngineLost(table: CallTable): void {
  table.forgetOrders();
  for (const call of [...table.calls.values()]) {
    forgetEndpoints(table, call);
    endCall(table, call, outcomeOf('ENGINE_LOST'), 'platform');
  }
}
