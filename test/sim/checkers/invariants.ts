// What must hold in every world once it has come to rest. Each check answers with what is wrong, or nothing.
import type { LegRecord } from '../../../src/base/index.ts';
import type { World } from '../world.ts';

/** Every broken promise of a finished world, in words. */
export function brokenPromises(world: World): readonly string[] {
  return [...oneFinalPerInvite(world), ...nothingHeld(world), ...recordsEqualCalls(world)];
}

/** Each INVITE gets exactly one final response, however often it is repeated. */
function oneFinalPerInvite(world: World): readonly string[] {
  const broken: string[] = [];
  for (const [key, finals] of world.finalsSent) {
    if (finals.size !== 1) broken.push(`INVITE ${key} was answered ${[...finals].join(' and ')}`);
  }
  for (const call of world.caller.calls) {
    if (call.finals.length > 1) broken.push(`${call.sipCallId} saw finals ${call.finals.join(', ')}`);
  }
  return broken;
}

/** No endpoint, transaction, timer or channel outlives its call. */
function nothingHeld({ node }: World): readonly string[] {
  const broken: string[] = [];
  if (node.engine.endpoints.size > 0) broken.push(`${node.engine.endpoints.size} endpoints are still open`);
  for (const [what, count] of Object.entries(node.b2bua.held)) {
    if (count > 0) broken.push(`the B2BUA still holds ${count} ${what}`);
  }
  const { transactions, timers } = node.sip.stats();
  if (transactions > 0) broken.push(`${transactions} transactions are still held`);
  if (timers > 0) broken.push(`${timers} SIP timers are still set`);
  if (node.admission.calls > 0) broken.push(`${node.admission.calls} calls are still counted`);
  for (const load of node.admission.trunkLoads()) {
    if (load.channelsUsed > 0) broken.push(`trunk ${load.trunkId} still has ${load.channelsUsed} channels in use`);
  }
  return broken;
}

/** One started and one ended fact a leg, and the record says what the parties saw. */
function recordsEqualCalls({ node, caller }: World): readonly string[] {
  const broken: string[] = [];
  const started = new Map<string, number>();
  const ended = new Map<string, LegRecord[]>();
  for (const fact of node.facts) {
    if (fact.kind === 'leg.started') started.set(fact.leg.legId, (started.get(fact.leg.legId) ?? 0) + 1);
    if (fact.kind === 'leg.ended') ended.set(fact.leg.legId, [...(ended.get(fact.leg.legId) ?? []), fact.leg]);
  }
  for (const [legId, count] of started) {
    if (count !== 1) broken.push(`leg ${legId} started ${count} times`);
    if (ended.get(legId)?.length !== 1) broken.push(`leg ${legId} has ${ended.get(legId)?.length ?? 0} records`);
  }
  const records = [...ended.values()].flat();
  for (const record of records) broken.push(...recordProblems(record));
  for (const call of caller.calls) {
    const mine = records.filter((record) => record.direction === 'inbound' && record.sipCallId === call.sipCallId);
    if (mine.length > 1) broken.push(`${call.sipCallId} has ${mine.length} inbound records`);
    const [record] = mine;
    const [final] = call.finals;
    if (record === undefined || final === undefined) continue;
    if (record.finalStatus !== final) broken.push(`${call.sipCallId} saw ${final}, its record says ${record.finalStatus}`);
  }
  return broken;
}

function recordProblems(record: LegRecord): readonly string[] {
  const broken: string[] = [];
  const { answeredAt, ringingAt, startedAt, endedAt, durationMs, legId } = record;
  if (durationMs < 0) broken.push(`leg ${legId} lasted ${durationMs} ms`);
  if (answeredAt === null && durationMs !== 0) broken.push(`leg ${legId} was never answered but lasted ${durationMs} ms`);
  if (answeredAt !== null && Math.abs(endedAt - answeredAt - durationMs) > 1) {
    broken.push(`leg ${legId}: answered to ended is ${endedAt - answeredAt} ms, its duration ${durationMs} ms`);
  }
  if (endedAt < startedAt || (ringingAt !== null && ringingAt < startedAt)) broken.push(`leg ${legId} runs backwards`);
  return broken;
}
