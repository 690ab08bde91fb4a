// What must hold in every world once it has come to rest. Each check answers with what is wrong, or nothing.
import type { LegRecord } from '../../../src/base/index.ts';
import type { PartyCall } from '../user.ts';
import type { World } from '../world.ts';
import { ELSEWHERE } from '../world.ts';

const CHALLENGE = 401;
/** How long a record waits for a cancelled gateway's answer. */
const RECORD_WAIT_MS = 2_000;

/** Every broken promise of a finished world, in words. */
export function brokenPromises(world: World): readonly string[] {
  const records = recordsOf(world);
  return [
    ...oneFinalPerInvite(world),
    ...nothingHeld(world),
    ...oneRecordPerLeg(world),
    ...records.flatMap(recordProblems),
    ...recordsEqualCalls(world, records),
    ...legsOfACallAgree(records),
    ...routesTellEachGateway(world, records),
    ...acknowledgedIsRecorded(world, records),
    ...nobodyIsLeftUp(world),
    ...world.gateways.flatMap(({ faults }) => faults),
    ...world.caller.faults,
    ...answeredInTime(world),
    ...world.node.stuck.map((callId) => `call ${callId} waited for a silent engine`),
    ...reasonsAreKept(world, records),
    ...world.seen.media,
    ...digitsAreSaidOnce(world),
    ...world.seen.early.map((what) => `${what} went out before the fact it depends on`),
  ];
}

function recordsOf({ node }: World): readonly LegRecord[] {
  return node.facts.flatMap((fact) => (fact.kind === 'leg.ended' ? [fact.leg] : []));
}

/** Each INVITE gets exactly one final response, however often it is repeated. */
function oneFinalPerInvite({ seen, caller }: World): readonly string[] {
  const broken: string[] = [];
  for (const [key, finals] of seen.finals) {
    // A stranger's INVITE is forgotten with its challenge, so a repeat of it may meet a platform that has changed its mind.
    const decided = [...finals].filter((status) => status !== CHALLENGE);
    if (decided.length > 1) broken.push(`INVITE ${key} was answered ${[...finals].join(' and ')}`);
  }
  for (const { sipCallId, finals } of caller.calls) {
    if (finals.length > 1) broken.push(`${sipCallId} saw finals ${finals.join(', ')}`);
  }
  return broken;
}

/** No endpoint, transaction, timer or channel outlives its call. */
export function nothingHeld({ node }: World): readonly string[] {
  const broken: string[] = [];
  const open = node.engine.endpoints.size;
  if (open > 0) broken.push(`${open} endpoints are still open`);
  for (const [what, count] of Object.entries(node.b2bua.held)) {
    if (count > 0) broken.push(`the B2BUA still holds ${count} ${what}`);
  }
  const { transactions, timers } = node.sip.stats();
  if (transactions > 0) broken.push(`${transactions} transactions are still held`);
  if (timers > 0) broken.push(`${timers} SIP timers are still set`);
  if (node.admission.calls > 0) broken.push(`${node.admission.calls} calls are still counted`);
  for (const { trunkId, channelsUsed } of node.admission.trunkLoads()) {
    if (channelsUsed > 0) broken.push(`trunk ${trunkId} still has ${channelsUsed} channels in use`);
  }
  return broken;
}

/** One started and one ended fact a leg. */
function oneRecordPerLeg({ node }: World): readonly string[] {
  const broken: string[] = [];
  const started = new Map<string, number>();
  const ended = new Map<string, number>();
  for (const fact of node.facts) {
    if (fact.kind !== 'leg.started' && fact.kind !== 'leg.ended') continue;
    const counts = fact.kind === 'leg.started' ? started : ended;
    counts.set(fact.leg.legId, (counts.get(fact.leg.legId) ?? 0) + 1);
  }
  for (const [legId, count] of started) {
    if (count !== 1) broken.push(`leg ${legId} started ${count} times`);
    const records = ended.get(legId) ?? 0;
    if (records !== 1) broken.push(`leg ${legId} has ${records} records`);
  }
  for (const legId of ended.keys()) {
    if (!started.has(legId)) broken.push(`leg ${legId} ended without a start`);
  }
  return broken;
}

function recordProblems(record: LegRecord): readonly string[] {
  const broken: string[] = [];
  const { answeredAt, ringingAt, startedAt, endedAt, durationMs, legId } = record;
  if (durationMs < 0) broken.push(`leg ${legId} lasted ${durationMs} ms`);
  if (answeredAt === null && durationMs !== 0) {
    broken.push(`leg ${legId} was never answered but lasted ${durationMs} ms`);
  }
  if (answeredAt !== null && Math.abs(endedAt - answeredAt - durationMs) > 1) {
    const span = endedAt - answeredAt;
    broken.push(`leg ${legId}: answered to ended is ${span} ms, its duration ${durationMs} ms`);
  }
  if (endedAt < startedAt || (ringingAt !== null && ringingAt < startedAt)) {
    broken.push(`leg ${legId} runs backwards`);
  }
  return broken;
}

/** The records say what the parties saw. */
function recordsEqualCalls(world: World, records: readonly LegRecord[]): readonly string[] {
  const broken: string[] = [];
  for (const call of world.caller.calls) {
    const mine = records.filter(
      ({ direction, sipCallId }) => direction === 'inbound' && sipCallId === call.sipCallId,
    );
    if (mine.length > 1) broken.push(`${call.sipCallId} has ${mine.length} inbound records`);
    const [record] = mine;
    const [final] = call.finals;
    if (record === undefined || final === undefined) continue;
    if (record.finalStatus !== final) {
      broken.push(`${call.sipCallId} saw ${final}, its record says ${record.finalStatus}`);
    }
    broken.push(...lengthProblems(world, call, record));
  }
  for (const call of world.gateways.flatMap((gateway) => gateway.calls)) {
    const record = records.find(
      ({ direction, sipCallId }) => direction === 'outbound' && sipCallId === call.sipCallId,
    );
    if (record !== undefined) broken.push(...lengthProblems(world, call, record));
  }
  return broken;
}

/** A party's talk time and the record's differ by what the messages were on their way, and no more. */
function lengthProblems(world: World, call: PartyCall, record: LegRecord): readonly string[] {
  const { loss, delayMsMax } = world.features.network;
  // What is lost is repeated later, so only a network that loses nothing bounds the difference.
  if (loss > 0 || call.answeredAt === null || call.endedAt === null) return [];
  if (record.answeredAt === null) return [];
  const seenMs = call.endedAt - call.answeredAt;
  // Answer and BYE each once on their way; a challenged BYE twice more; a millisecond for rounding.
  const slackMs = 4 * delayMsMax + 2;
  if (Math.abs(seenMs - record.durationMs) <= slackMs) return [];
  return [`${call.sipCallId} talked ${seenMs} ms, its record says ${record.durationMs} ms`];
}

/**
 * Both legs of a call were answered together and for equally long, or the caller was not: then a gateway may have been, whose
 * answer came too late or was of no use.
 */
function legsOfACallAgree(records: readonly LegRecord[]): readonly string[] {
  const broken: string[] = [];
  for (const [callId, legs] of grouped(records)) {
    const [inbound, outbound] = ['inbound', 'outbound'].map((side) =>
      legs.find(({ direction }) => direction === side),
    );
    if (legs.length > 2 || inbound === undefined) {
      broken.push(`call ${callId} has ${legs.length} records`);
    } else if (outbound !== undefined) {
      const { answeredAt, durationMs, cause, endedAt } = inbound;
      const together =
        outbound.answeredAt !== null &&
        durationMs === outbound.durationMs &&
        endedAt === outbound.endedAt;
      const agree = cause === outbound.cause && (answeredAt === null || together);
      if (!agree) broken.push(`the two legs of call ${callId} disagree`);
    }
  }
  return broken;
}

function grouped(records: readonly LegRecord[]): Map<string, LegRecord[]> {
  const groups = new Map<string, LegRecord[]>();
  for (const record of records) {
    const group = groups.get(record.callId);
    if (group === undefined) groups.set(record.callId, [record]);
    else group.push(record);
  }
  return groups;
}

/** `routesTried` names each gateway as often as it was asked, in that order, and none that was not. */
function routesTellEachGateway({ seen }: World, records: readonly LegRecord[]): readonly string[] {
  const broken: string[] = [];
  for (const { direction, called, routesTried, legId } of records) {
    if (direction !== 'outbound') continue;
    const told = routesTried
      .split(',')
      .map((entry) => /:(10\.0\.0\.\d+):/.exec(entry)?.[1] ?? entry);
    const asked = [...(seen.asked.get(called)?.values() ?? [])];
    if (told.join(' ') !== asked.join(' ')) {
      broken.push(`leg ${legId} says "${routesTried}", asked were ${asked.join(' ')}`);
    }
  }
  return broken;
}

/** A gateway whose 200 was acknowledged bills that; its record says so, unless the 200 came after the record was written. */
function acknowledgedIsRecorded({ seen }: World, records: readonly LegRecord[]): readonly string[] {
  const broken: string[] = [];
  for (const { number, host, at } of seen.acknowledged) {
    const mine = records.filter(
      ({ direction, called }) => direction === 'outbound' && called === number,
    );
    const told = mine.some(({ answeredAt, routesTried, endedAt, legId }) => {
      const entries = routesTried.split(',');
      const entry = entries.findLast((text) => text.includes(`:${host}:`)) ?? '';
      // What a gateway says that was given up for another is noted, but not waited for.
      const writtenAt = seen.written.get(legId) ?? endedAt;
      if (entry !== entries.at(-1)) return entry.endsWith('200') || at >= writtenAt;
      const waitMs = answeredAt === null ? RECORD_WAIT_MS : 0;
      // One that crossed the CANCEL is what the leg came to, so the leg itself counts as answered.
      if (entry.endsWith('cancelled+200')) return answeredAt !== null;
      return entry.endsWith('200') || at >= endedAt + waitMs;
    });
    if (!told) broken.push(`${host} was acknowledged for ${number}, and no record says so`);
  }
  return broken;
}

/** No caller waits for ever: the longest a call may take unanswered is ringing at one gateway after silence of the other. */
function answeredInTime({ caller }: World): readonly string[] {
  return caller.calls
    .filter(({ finals, over, answeredAt }) => finals.length === 0 && !over && answeredAt === null)
    .map(({ sipCallId }) => `${sipCallId} never heard how its call ended`);
}

/**
 * A digit that was accepted goes on once, and none goes on that nobody said. One may wait for another, or for a change of the
 * call, and the call may be over before its turn comes.
 */
function digitsAreSaidOnce(world: World): readonly string[] {
  const { heard, accepted, said, told, overtaken } = world.seen.digits;
  const passed = said + told.size - overtaken.size;
  const due = [...accepted.values()].filter((one) => isDue(world, one)).length;
  if (passed >= due && passed <= accepted.size + heard) return [];
  return [`${passed} digits went on of ${accepted.size} by INFO and ${heard} by event`];
}

/** Longer than an INFO and the one before it take on a good network. */
const DIGIT_WAIT_MS = 100;

function isDue(
  world: World,
  { callId, at }: { readonly callId: string; readonly at: number },
): boolean {
  const { network, changes } = world.features;
  if (changes || network.loss > 0 || network.delayMsMax > 2) return false;
  const calls = [world.caller, ...world.gateways].flatMap((party) => party.calls);
  const endedAt = calls.find(({ sipCallId }) => sipCallId === callId)?.endedAt ?? Infinity;
  return endedAt - at > DIGIT_WAIT_MS;
}

/** What a caller cancelled with stands in the records, as it went on to the gateway. */
function reasonsAreKept({ features }: World, records: readonly LegRecord[]): readonly string[] {
  if (!features.cancelReasons) return [];
  return records
    .filter(({ cause, reasonHeader }) => cause === 'CALLER_CANCELLED' && reasonHeader !== ELSEWHERE)
    .map(({ legId, reasonHeader }) => `leg ${legId} was cancelled with "${reasonHeader ?? ''}"`);
}

/** Whoever was in an answered call knows that it is over: by its own BYE, the platform's, or for want of any answer. */
function nobodyIsLeftUp({ caller, gateways }: World): readonly string[] {
  return [caller, ...gateways].flatMap(({ calls }) =>
    calls
      .filter(({ answeredAt, over }) => answeredAt !== null && !over)
      .map(({ sipCallId }) => `${sipCallId} was never told that its call is over`),
  );
}
