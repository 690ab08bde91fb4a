// Figures that belong to someone else and are read when Prometheus asks.
import { readFileSync } from 'node:fs';
import { NODE_COUNTERS } from '../engine/index.ts';
import type { Node } from './compose.ts';
import type { Reading } from './metrics.ts';

/** Registers every reading of a control process. */
export function addReadings(node: Node): void {
  node.metrics.addReadings([
    ...callReadings(node),
    ...storeReadings(node),
    ...transportReadings(node),
    ...engineReadings(node),
  ]);
}

function callReadings(node: Node): readonly Reading[] {
  return [
    { name: 'trunkyard_calls_active', help: 'Calls up or being set up.', read: () => node.b2bua.callCount },
    { name: 'trunkyard_draining', help: '1 while new calls are refused.', read: () => (node.b2bua.draining ? 1 : 0) },
    {
      name: 'trunkyard_sip_transactions',
      help: 'SIP transactions held.',
      read: () => node.sip.stats().transactions,
    },
    {
      name: 'trunkyard_gateways_down',
      help: 'Gateways that take no calls at the moment.',
      read: () =>
        node.book().trunks.flatMap((trunk) => trunk.gateways).filter(({ id }) => node.health.stateOf(id) !== 'up').length,
    },
  ];
}

function storeReadings({ store }: Node): readonly Reading[] {
  return [
    { name: 'trunkyard_store_available', help: '1 while facts can be made durable.', read: () => (store.health.available ? 1 : 0) },
    { name: 'trunkyard_store_events_appended', help: 'Facts in the journal.', read: () => store.stats().eventsAppended },
    { name: 'trunkyard_store_entries_behind', help: 'Journal entries not yet in the database.', read: () => store.stats().entriesBehind },
    { name: 'trunkyard_store_events_lost', help: 'Facts given up; anything but 0 is an incident.', read: () => store.stats().eventsLost },
    { name: 'trunkyard_store_legs_open', help: 'Legs with a start and no end in the journal.', read: () => store.stats().legsOpen },
    { name: 'trunkyard_store_records_written', help: 'Call records in the database since the start.', read: () => store.stats().recordsWritten },
  ];
}

function transportReadings({ transport }: Node): readonly Reading[] {
  return [
    { name: 'trunkyard_sip_messages_received', help: 'SIP messages received.', read: () => transport.stats().messagesReceived },
    { name: 'trunkyard_sip_messages_sent', help: 'SIP messages sent.', read: () => transport.stats().messagesSent },
    { name: 'trunkyard_sip_send_failures', help: 'Sends that failed.', read: () => transport.stats().sendFailures },
    { name: 'trunkyard_sip_connections_inbound', help: 'Stream connections that peers opened.', read: () => transport.stats().connectionsInbound },
    { name: 'trunkyard_sip_connections_outbound', help: 'Stream connections opened by us.', read: () => transport.stats().connectionsOutbound },
    {
      name: 'trunkyard_sip_connections_refused',
      help: 'Connections turned away or closed for cause.',
      read: () => Object.values(transport.stats().refused).reduce((sum, count) => sum + count, 0),
    },
  ];
}

function engineReadings({ media }: Node): readonly Reading[] {
  return [
    { name: 'trunkyard_engine_ready', help: '1 while a media process takes orders.', read: () => (media.ready ? 1 : 0) },
    {
      name: 'trunkyard_udp_no_port_drops',
      help: 'Datagrams this machine’s kernel dropped because no socket was there or a connected socket refused the source (A30).',
      read: udpNoPorts,
    },
    ...NODE_COUNTERS.map((name): Reading => ({
      name: `trunkyard_engine_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      help: `Media engine: ${name}.`,
      read: () => media.client?.nodeCounters()[name] ?? 0,
    })),
  ];
}

/** `NoPorts` of the Udp line pair in /proc/net/snmp; 0 where there is no such file. */
function udpNoPorts(): number {
  let text: string;
  try {
    text = readFileSync('/proc/net/snmp', 'ascii');
  } catch {
    return 0;
  }
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp:'));
  const index = names.split(' ').indexOf('NoPorts');
  return Number(values.split(' ')[index] ?? 0);
}
