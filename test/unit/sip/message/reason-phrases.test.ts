// Reason phrases for statuses of the registry and beyond it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonPhrase } from '../../../../src/sip/message/index.ts';

test('says the registered phrase, and of an unknown status no more than its class', () => {
  assert.equal([180, 486, 600, 603].map(reasonPhrase), [
    'Ringing',
    'Busy Here',
    'Busy Everywhere',
    'Decline',
  ]);
  assert.equal([198, 299, 399, 499, 599, 699].map(reasonPhrase), [
    'Provisional',
    'Successful',
    'Redirection',
    'Request Failure',
    'Server Failure',
    'Global Failure',
  ]);
});

test.run();
