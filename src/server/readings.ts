// Figures that belong to someone else and are read when Prometheus asks.
import { readFileSync } from 'node:fs';
import { NODE_COUNTERS, RELAY_TIME_BOUNDS_US, RELAY_TIME_TEXT } from '../engine/index.ts';
import type { TransportStats } from '../transport/index.ts';
import type { Node } from './compose.ts';
import type { HistogramReading, Reading, TableReading } from './metrics.ts';

/** Registers every reading of a control process. */
export function addReadings(node: Node): void {
  node.metrics.addReadings([
    ...callReadings(node),
    ...storeReadings(node),
    ...transportReadings(node),
    ...engineReadings(node),
  ]);
  node.metrics.addTables(trunkTables(node));
  node.metrics.addHistogram(relayTimeReading(node));
}

const gauge = (name: string, help: string, read: () => number): Reading => ({
  type: 'gauge',
  name: `trunkyard_${name}`,
  help,
  read,
});

const counter = (name: string, help: string, read: () => number): Reading => ({
  ...gauge(name, help, read),
  type: 'counter',
});

function callReadings(node: Node): readonly Reading[] {
  const { b2bua, health, sip } = node;
  const gatewaysDown = (): number =>
    node.book.trunks
      .flatMap(({ gateways }) => gateways)
      .filter(({ id }) => health.stateOf(id) !== 'up').length;
  return [
    gauge('calls_active', 'Calls up or being set up.', () => b2bua.callCount),
    gauge('draining', '1 while new calls are refused.', () => Number(b2bua.draining)),
    gauge('sip_transactions', 'SIP transactions held.', () => sip.stats().transactions),
    gauge('gateways_down', 'Gateways that take no calls at the moment.', gatewaysDown),
  ];
}

/** What of its caps each trunk uses, and which gateway is the one that takes no calls. */
export function trunkTables(
  node: Pick<Node, 'admission' | 'health' | 'book'>,
): readonly TableReading[] {
  const { admission, health } = node;
  return [
    {
      name: 'trunkyard_trunk_channels_used',
      help: 'Channels of a trunk that calls hold.',
      label: 'trunk',
      read: () =>
        admission.trunkLoads().map(({ trunkId, channelsUsed }) => [trunkId, channelsUsed]),
    },
    {
      name: 'trunkyard_trunk_channels',
      help: 'Channels that a trunk has.',
      label: 'trunk',
      read: () => admission.trunkLoads().map(({ trunkId, channels }) => [trunkId, channels]),
    },
    {
      name: 'trunkyard_gateway_up',
      help: '1 while a gateway takes calls, 0 while it is down or rests.',
      label: 'gateway',
      read: () =>
        node.book.trunks
          .flatMap(({ gateways }) => gateways)
          .map(({ id }) => [id, Number(health.stateOf(id) === 'up')]),
    },
  ];
}

function storeReadings({ store }: Node): readonly Reading[] {
  const stats = (): ReturnType<typeof store.stats> => store.stats();
  return [
    gauge('store_available', '1 while facts can be made durable.', () =>
      Number(store.health.available),
    ),
    counter('store_events_appended', 'Facts in the journal.', () => stats().eventsAppended),
    gauge(
      'store_entries_behind',
      'Journal entries not yet in the database.',
      () => stats().entriesBehind,
    ),
    counter(
      'store_events_lost',
      'Facts given up; anything but 0 is an incident.',
      () => stats().eventsLost,
    ),
    gauge(
      'store_legs_open',
      'Legs with a start and no end in the journal.',
      () => stats().legsOpen,
    ),
    counter(
      'store_records_written',
      'Call records in the database since the start.',
      () => stats().recordsWritten,
    ),
  ];
}

function transportReadings(node: Node): readonly Reading[] {
  const read = (figure: (stats: TransportStats) => number) => (): number =>
    node.transport === null ? 0 : figure(node.transport.stats());
  return [
    counter(
      'sip_messages_received',
      'SIP messages received.',
      read((stats) => stats.messagesReceived),
    ),
    counter(
      'sip_messages_sent',
      'SIP messages sent.',
      read((stats) => stats.messagesSent),
    ),
    counter(
      'sip_send_failures',
      'Sends that failed.',
      read((stats) => stats.sendFailures),
    ),
    counter(
      'sip_sends_forbidden',
      'Datagrams among them that this machine itself would not send (EACCES, EPERM: a firewall, a broadcast address).',
      read((stats) => stats.sendsForbidden),
    ),
    counter(
      'sip_sends_too_long',
      'Datagrams among them that are longer than the network takes (EMSGSIZE).',
      read((stats) => stats.sendsTooLong),
    ),
    gauge(
      'sip_connections_inbound',
      'Stream connections that peers opened.',
      read((stats) => stats.connectionsInbound),
    ),
    gauge(
      'sip_connections_outbound',
      'Stream connections opened by us.',
      read((stats) => stats.connectionsOutbound),
    ),
    counter(
      'sip_connections_refused',
      'Connections turned away or closed for cause.',
      read(({ refused }) => Object.values(refused).reduce((sum, count) => sum + count, 0)),
    ),
  ];
}

/** Counters of the engine that go down again. */
const LEVELS: ReadonlySet<string> = new Set([
  'endpointsOpen',
  'portsInUse',
  'portsResting',
  'audioEndpoints',
  'kernelStreams',
]);

function engineReadings({ media }: Node): readonly Reading[] {
  return [
    gauge('engine_ready', '1 while a media process takes orders.', () => Number(media.ready)),
    counter(
      'udp_no_port_drops',
      'Datagrams this machine’s kernel dropped because no socket was there or a connected socket refused the source (A30).',
      () => noPortDrops(readOrEmpty('/proc/net/snmp')),
    ),
    ...NODE_COUNTERS.map((name) => {
      const make = LEVELS.has(name) ? gauge : counter;
      const words = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const read = (): number => media.client?.nodeCounters()[name] ?? 0;
      return make(`engine_${words}`, `Media engine: ${words.replaceAll('_', ' ')}.`, read);
    }),
  ];
}

/** A28; in seconds, as Prometheus has its times. */
function relayTimeReading({ media }: Pick<Node, 'media'>): HistogramReading {
  return {
    name: 'trunkyard_engine_relay_seconds',
    help: `Media engine: ${RELAY_TIME_TEXT}`,
    bounds: RELAY_TIME_BOUNDS_US.map((us) => us / 1e6),
    read: () => {
      const times = media.client?.relayTimes();
      return times === undefined
        ? { counts: [...RELAY_TIME_BOUNDS_US, 0].map(() => 0), sum: 0 }
        : { counts: times.counts, sum: times.sumUs / 1e6 };
    },
  };
}

/** `NoPorts` of the pair of Udp lines in /proc/net/snmp, names above values; 0 when there is none. */
export function noPortDrops(text: string): number {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp:'));
  const index = names.split(' ').indexOf('NoPorts');
  return index < 0 ? 0 : Number(values.split(' ')[index] ?? 0);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'ascii');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
