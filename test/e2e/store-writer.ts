// A process that only writes calls to a store, for store-kill.test.ts to kill: `store-writer.ts FOLDER FIRST_NUMBER`.
// After each batch the journal took, one line on stdout says what is promised: `s N` started, `e N` ended.
import { writeSync } from 'node:fs';
import { silentLog, epochMs, monoMs, type DomainEvent } from '../../src/base/index.ts';
import { openStore } from '../../src/store/index.ts';
import { aLegRecord, aLegStart } from '../unit/store/builders.ts';

const STDOUT = 1;
/** Legs that are up at a time. */
const LEGS_UP = 40;
/** Batches between two turns of the event loop. */
const BATCHES_A_TURN = 20;

const [folder = '.', first = '0'] = process.argv.slice(2);
const opened = await openStore({
  url: `sqlite:${folder}/calls.db`,
  journalDir: `${folder}/journal`,
  log: silentLog,
  now: () => ({ mono: monoMs(performance.now()), epoch: epochMs(Date.now()) }),
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});
if (!opened.ok) throw new Error(opened.error.message);
const store = opened.value;

function append(events: readonly DomainEvent[], promise: string): void {
  if (store.append(events)) say(promise);
}

/** Writes before it returns: a promise must not wait in this process, which may be killed. */
function say(text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      // The pipe is full and doesn't block; the reader empties it.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

function writeTurn(from: number): number {
  let number = from;
  for (let batch = 0; batch < BATCHES_A_TURN; batch += 1, number += 1) {
    append([{ kind: 'leg.started', leg: aLegStart(number) }], `s ${number}\n`);
    const old = number - LEGS_UP;
    if (old >= Number(first)) append([{ kind: 'leg.ended', leg: aLegRecord(old) }], `e ${old}\n`);
  }
  return number;
}

for (let number = Number(first); ;) {
  number = writeTurn(number);
  // The loop must turn, so that commits go on as in a living process.
  await new Promise<void>((resolve) => setImmediate(resolve));
}
