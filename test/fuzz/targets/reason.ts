// Reason: what a peer says in it is read in no time, and what is handed on of it is short, one line, and reads the same.
import { heardOutcome, outcomeOf, withRequestReasons } from '../../../src/b2bua/outcome.ts';
import type { Outcome } from '../../../src/b2bua/outcome.ts';
import { splitList } from '../../../src/sip/index.ts';
import { expectProperty } from './target.ts';
import type { FuzzTarget } from './target.ts';

const CHARS_MAX = 256;

function expectHandedOn(outcome: Outcome, again: (heard: string) => Outcome): void {
  const { heard } = outcome;
  if (heard === undefined) return;
  expectProperty(heard.length <= CHARS_MAX, 'what is handed on is short');
  expectProperty(!/[\x00-\x1f\x7f]/.test(heard), 'what is handed on is one line');
  expectProperty(again(heard).heard === heard, 'the next hop hands on the same');
}

export const reason: FuzzTarget = {
  seedFolders: ['test/fuzz/corpus/reason'],
  fragments: [
    'Q.850',
    'SIP',
    'preemption',
    'cause=16',
    'cause=200',
    'cause = 127',
    'text="a;cause=99"',
    'text=Normal Clearing',
    'text="\\""',
    'location=LN',
    ' ;',
    ' ; ',
    ';a',
    '=',
    ', ',
    '"',
    '\\',
    '<',
    '>',
  ],
  separator: ';',
  run(input) {
    const reasons = splitList(input.toString('latin1'));
    const ofAnswer = (heard: string): Outcome => heardOutcome(486, splitList(heard));
    const ofRequest = (heard: string): Outcome =>
      withRequestReasons(outcomeOf('NORMAL_CLEARING'), splitList(heard));
    expectHandedOn(heardOutcome(486, reasons), ofAnswer);
    expectHandedOn(withRequestReasons(outcomeOf('NORMAL_CLEARING'), reasons), ofRequest);
  },
};
