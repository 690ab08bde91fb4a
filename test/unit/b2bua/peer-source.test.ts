// From which addresses a party may end or change its call.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver, standingCall } from '../../support/b2bua-driver.ts';

for (const [whose, from, allow, status] of [
  ['another gateway of the trunk', '192.0.2.21', '192.0.2.10/32', 200],
  ['the trunk that the carrier calls by', '192.0.2.25', '192.0.2.10/32, 192.0.2.16/28', 200],
  ['a trunk of others', '192.0.2.25', '192.0.2.10/32, 192.0.2.24/29', 403],
] as const) {
  test(`a trunk without an allow list: BYE from an address of ${whose} is told ${status}`, () => {
    const driver = new B2buaDriver({
      edit: [
        ['allow: [192.0.2.10/32]', `allow: [${allow}]`],
        ['allow: [192.0.2.20/32, 192.0.2.21/32]', 'allow: []'],
      ],
    });
    const { bob } = standingCall(driver);
    assert.equal(driver.statuses(driver.receive(bob.request('BYE'), from)), [status]);
  });
}

test('the caller’s carrier may hang up from the addresses of the trunk that it is called by', () => {
  const driver = new B2buaDriver({
    edit: [
      ['gateways: []', 'gateways: [{ uri: "sip:192.0.2.20:5060" }]'],
      ['  - { prefix: "44"', '  - { prefix: "45", trunks: [in] }\n  - { prefix: "44"'],
    ],
  });
  const { alice } = standingCall(driver);
  assert.equal(driver.statuses(driver.receive(alice.request('BYE'), '192.0.2.21')), [200]);
});

test.run();
