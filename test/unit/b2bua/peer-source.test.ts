// From which addresses a party may end or change its call.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isSameHost } from '../../../src/b2bua/same-host.ts';
import { B2buaDriver, calleeOf, standingCall } from '../../support/b2bua-driver.ts';
import type { SentRequest } from '../../support/b2bua-driver.ts';
import { anInvite, sdpOf } from '../../support/sip-messages.ts';

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

for (const [what, contact, from] of [
  ['in other words', '2001:0db8:0:0::0021', '2001:db8::21'],
  ['in capitals', '2001:DB8::21', '2001:db8::21'],
  ['as IPv4 in IPv6', '::ffff:192.0.2.99', '192.0.2.99'],
  ['over a link that the kernel names', 'fe80::21', 'fe80::21%eth0'],
] as const) {
  test(`BYE from the address of its Contact, written ${what}, is told 200`, () => {
    const driver = new B2buaDriver();
    const sent = ringing(driver);
    const body = sdpOf({ host: sent.host, port: 50_000 });
    driver.answer(sent, 200, { contact: `<sip:bob@[${contact}]:5060>`, body });
    const bye = calleeOf(driver, sent).request('BYE');
    assert.equal(driver.statuses(driver.receive(bye, '2001:db8::22')), [403]);
    assert.equal(driver.statuses(driver.receive(bye, from)), [200]);
  });
}

function ringing(driver: B2buaDriver): SentRequest {
  driver.receive(anInvite());
  return driver.lastSent('INVITE');
}

for (const [one, other, same] of [
  ['gw.example', 'gw.example', true],
  ['gw.example', 'other.example', false],
  ['192.0.2.1', '192.0.2.1', true],
  ['192.0.2.1', '192.0.2.2', false],
  ['192.0.2.8', '192.0.2.010', false],
  ['0.0.0.10', '10', false],
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['::ffff:10.0.0.1', '10.0.0.1', true],
  ['fe80::1%eth0', 'fe80::1%eth1', true],
  ['gw.example', '', false],
] as const) {
  test(`${one} and ${other === '' ? 'nothing' : other} are ${same ? 'one host' : 'two hosts'}`, () => {
    assert.equal([isSameHost(one, other), isSameHost(other, one)], [same, same]);
  });
}

test.run();
