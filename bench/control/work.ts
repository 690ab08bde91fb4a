// What the control suite repeats: one message, one session description, one routing decision, each as a call makes it.
import { manyRoutes, INVITE, SDP, TRUNKS } from './samples.ts';
import { indexMessage, parseMessage, parseSdp } from '../../src/sip/index.ts';
import { buildTrunkBook } from '../../src/trunks/index.ts';

export interface Work {
  /** Figure name after `control.`. */
  readonly name: string;
  /** Once; @returns a number that the result decides, so that no compiler leaves the work out. */
  readonly once: () => number;
}

/** Every piece of work. @throws when one can't be done at all: a figure of a refusal would be a good one. */
export function allWork(): readonly Work[] {
  return [guardWork(), parseWork(), sdpWork(), routeWork()];
}

function guardWork(): Work {
  return {
    name: 'sip_guard',
    once: () => {
      const guarded = indexMessage(INVITE, 'udp');
      if (guarded.verdict !== 'ok')
        throw new Error(`the INVITE is refused: ${guarded.error.message}`);
      return guarded.index.callId.length;
    },
  };
}

function parseWork(): Work {
  const guarded = indexMessage(INVITE, 'udp');
  if (guarded.verdict !== 'ok') throw new Error(`the INVITE is refused: ${guarded.error.message}`);
  const { index } = guarded;
  return {
    name: 'sip_parse',
    once: () => {
      const message = parseMessage(index);
      if (!message.ok) throw new Error(message.error.message);
      return message.value.callId.length;
    },
  };
}

function sdpWork(): Work {
  return {
    name: 'sdp_parse',
    once: () => {
      const sdp = parseSdp(SDP);
      if (!sdp.ok) throw new Error(sdp.error.message);
      return sdp.value.media.length;
    },
  };
}

function routeWork(): Work {
  const routes = manyRoutes();
  const book = buildTrunkBook({ trunks: TRUNKS, routes: routes.settings });
  if (!book.ok) throw new Error(book.error.message);
  let next = 0;
  return {
    name: 'route',
    once: () => {
      next = (next + 1) % routes.dialled.length;
      const choice = book.value.selectRoute(routes.dialled[next] ?? '');
      if (!choice.ok) throw new Error(choice.error.message);
      return choice.value.number.length;
    },
  };
}
