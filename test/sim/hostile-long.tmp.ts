// Known peers that send what no standard allows, in the middle of calls: nothing is thrown, for that would end every call of the
// node; nothing is held in the end; and each INVITE gets one final answer. What becomes of such a peer's own calls is its own
// matter, so the other promises of the worlds are not asked about.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Random } from '../../src/base/index.ts';
import { seededRandom } from '../../src/base/index.ts';
import { mutate } from '../fuzz/targets/mutate.ts';
import { SIP_FRAGMENTS } from '../fuzz/targets/sip-fragments.ts';
import type { FuzzTarget } from '../fuzz/targets/target.ts';
import { nothingHeld } from './checkers/invariants.ts';
import type { Parcel } from './network.ts';
import { World } from './world.ts';

const SEEDS = 800;
const CALLS = 8;
const NODE_HOST = '10.0.0.2';
/** The longest call and 64*T1 after it are over by then. */
const LIMIT_MS = 600_000;
/** Of the messages to the node. */
const MUTATED_SHARE = 0.25;
/** Of those: with a length that is true, so that more of them than the guard sees them. */
const TRUE_LENGTH_SHARE = 0.8;

const MESSAGES: FuzzTarget = {
  seedFolders: [],
  separator: '\r\n',
  fragments: [
    ...SIP_FRAGMENTS,
    'Contact: <sip:x@nowhere.invalid>',
    'Contact: <sip:x@10.0.0.9:5061;transport=tcp>',
    'Contact: <tel:+1>',
    'Record-Route: <sip:10.0.0.9>',
    'Require: 100rel',
    'Expires: 0',
    'Reason: Q.850;cause=16;text="',
    'Content-Type: application/dtmf-relay',
    'Info-Package: x',
    'WWW-Authenticate: Digest realm="x", nonce="y"',
    'Retry-After: 99999999999',
    'm=audio 0 RTP/AVP 0',
    'm=audio 4000 RTP/SAVP 0',
    'm=video 4000 RTP/AVP 96',
    'c=IN IP4 0.0.0.0',
    'c=IN IP6 ::1',
    'a=rtpmap:0 opus/48000/2',
    'a=rtpmap:96 G722/8000',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA',
    'a=sendonly',
    'a=ptime:0',
    'o=- 0 0 IN IP4 x',
  ],
  run: () => undefined,
};

/** Answers that are given without a transaction: to what can't be read, and to whom we don't know yet. */
const UNDECIDED: ReadonlySet<string> = new Set(['400', '401', '403', '413', '505', '513']);

/** Sends some of what goes to the node altered, half of these beside the message as it was. */
function hostile(parcel: Parcel, random: Random): readonly Parcel[] {
  if (parcel.to.host !== NODE_HOST || random.draw() >= MUTATED_SHARE) return [parcel];
  const mutant = mutate([parcel.bytes], MESSAGES, () => random.draw());
  const bytes = random.draw() < TRUE_LENGTH_SHARE ? withTrueLength(mutant) : mutant;
  return random.draw() < 0.5 ? [{ ...parcel, bytes }] : [parcel, { ...parcel, bytes }];
}

function withTrueLength(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return bytes;
  const length = text.length - end - 4;
  const head = text.slice(0, end).replace(/^Content-Length:.*$/im, `Content-Length: ${length}`);
  return Buffer.from(head + text.slice(end), 'latin1');
}

/** Final answers of the node by the transaction they are for; a mutant of its INVITE is refused under a tag of its own. */
function watchFinals(world: World): ReadonlyMap<string, ReadonlySet<string>> {
  const finals = new Map<string, Set<string>>();
  world.network.taps.push(({ from, bytes }) => {
    const text = bytes.toString('latin1');
    const status = /^SIP\/2\.0 ([2-6]\d\d)/.exec(text)?.[1];
    if (from.host !== NODE_HOST || status === undefined) return;
    const facts = text.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/.test(line));
    if (!/^CSeq: \d+ INVITE$/m.test(facts.join('\n'))) return;
    const key = facts.join(' | ');
    finals.set(key, (finals.get(key) ?? new Set()).add(status));
  });
  return finals;
}

test('whatever known peers send in their calls, nothing is thrown, nothing is held and finals are final', () => {
  let answered = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new World({ seed, calls: CALLS, startsWithinMs: 3_000 });
    const random = seededRandom(1_000_000 + seed);
    world.network.alter = (parcel) => hostile(parcel, random);
    const finals = watchFinals(world);
    assert.not.throws(() => world.run(LIMIT_MS), undefined, `seed ${seed}`);
    assert.equal(nothingHeld(world), [], `seed ${seed}`);
    assert.equal(world.seen.media, [], `seed ${seed}`);
    for (const [txn, statuses] of finals) {
      const decided = [...statuses].filter((status) => !UNDECIDED.has(status));
      assert.ok(decided.length <= 1, `seed ${seed}: ${txn} was told ${decided.join(' and ')}`);
    }
    answered += world.caller.calls.filter(({ answeredAt }) => answeredAt !== null).length;
  }
  assert.ok(answered > SEEDS, `only ${answered} calls were answered`);
});

test.run();
