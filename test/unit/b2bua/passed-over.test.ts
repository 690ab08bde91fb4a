// Trunks of a route that can't be asked, for want of a codec or of room, while another one was asked or still is.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';

const THIRD = ['192.0.2.30', '192.0.2.31'] as const;
/** No room for a second call, and no codec of the caller's. */
const REFUSALS = [
  ['channels: 1', 'TRUNK_AT_CAPACITY'],
  ['channels: 100, codecs: [G722], transcode: never', 'CODEC_NOT_SHARED'],
] as const;

/** Carrier `out` with one gateway, then `third` with two, which these settings keep from being asked. */
function withThird(settings: string): B2buaDriver {
  const gateways = THIRD.map((host) => `{ uri: "sip:${host}:5060", priority: 1, weight: 1 }`);
  const third = `  - { name: third, allow: [192.0.2.30/32], gateways: [${gateways.join(', ')}], cps: 100, ${settings} }`;
  const driver = new B2buaDriver({
    edit: [
      ['      - { uri: "sip:192.0.2.21:5060", priority: 2, weight: 1 }\n', ''],
      ['trunks: [out] }', 'trunks: [out, third] }'],
      ['routes:', `${third}\nroutes:`],
    ],
  });
  // Takes the one channel, if that is all there are.
  driver.receive(anInvite({ host: THIRD[0], port: 5060 }).dialling('0800'), THIRD[0]);
  return driver;
}

for (const [settings, code] of REFUSALS) {
  test(`the record is about the gateway that was asked, not one passed over (${code})`, () => {
    const driver = withThird(settings);
    const txn = driver.receive(anInvite());
    const { request } = driver.lastSent('INVITE');
    driver.answer(driver.lastSent('INVITE'), 503);
    assert.equal(driver.statuses(txn), [503]);
    const record = driver.record('outbound');
    assert.equal([record.trunk, record.gateway], ['out', 'out/udp:192.0.2.20:5060']);
    assert.is(record.sipCallId, headerOf(request, 'Call-ID'));
    assert.equal(
      [record.finalStatus, record.cause, record.endedBy],
      [503, 'PEER_REFUSED', 'callee'],
    );
    assert.match(
      record.routesTried,
      new RegExp(`^out/udp:192\\.0\\.2\\.20:5060 503,third/udp:192\\.0\\.2\\.3[01]:5060 ${code}$`),
    );
  });

  test(`a slow gateway is not given up for gateways that can’t be asked (${code})`, () => {
    const driver = withThird(settings);
    const txn = driver.receive(anInvite());
    const sent = driver.lastSent('INVITE');
    driver.pass(4_100);
    assert.is(driver.cancels.length, 0);
    const load = driver.admission.trunkLoads().find(({ trunkId }) => trunkId === 'out');
    assert.is(load?.channelsUsed, 1, 'it keeps its channel');
    driver.answer(sent, 180);
    driver.answer(sent, 200, { body: sdpOf({ host: '192.0.2.20', port: 50_000 }) });
    assert.equal(driver.statuses(txn), [180, 200]);
    assert.is(driver.sent('BYE').length, 0);
  });
}

test('a slow gateway is given up for the first one that can be asked', () => {
  const driver = withThird('channels: 100');
  driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.pass(4_100);
  assert.is(driver.cancels[0]?.txn, first.txn);
  assert.ok(THIRD.some((host) => host === driver.lastSent('INVITE').host));
  const loads = driver.admission.trunkLoads().map((load) => [load.trunkId, load.channelsUsed]);
  assert.equal(loads, [['in', 1], ['out', 0], ['third', 2]]); // prettier-ignore
});

test('E17 one call over a trunk’s cap is counted once, however many gateways the trunk has', () => {
  const driver = withThird('channels: 1');
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503);
  const load = driver.admission.trunkLoads().find(({ trunkId }) => trunkId === 'third');
  assert.is(load?.refusedByChannels, 1);
  assert.is(driver.record('outbound').routesTried.split(',').length, 2);
});

test.run();
