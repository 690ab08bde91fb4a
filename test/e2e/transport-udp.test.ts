// UDP on real loopback sockets.
import dgram from 'node:dgram';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId, silentLog } from '../../src/base/index.ts';
import { openSipTransport } from '../../src/transport/index.ts';
import { local, openHarness, request, WIDE_LIMITS } from './transport-harness.ts';

test('a datagram comes in whole with its source, and the answer goes back the same way', async () => {
  const us = await openHarness({ locals: [local('udp')] });
  const peer = await openHarness({ locals: [local('udp')] });
  const target = { transport: 'udp', host: '127.0.0.1', port: us.port } as const;
  peer.transport.send(target, Buffer.from(request('one')), null);
  const { flow, text } = await us.next('message');
  assert.is(text, request('one'));
  assert.equal(flow.remote, { host: '127.0.0.1', port: peer.port });
  us.transport.send(flow, Buffer.from('answer'), null);
  assert.is((await peer.next('message')).text, 'answer');
  assert.is(us.transport.stats().messagesReceived, 1);
  assert.is(us.transport.stats().messagesSent, 1);
  await Promise.all([us.transport.close(), peer.transport.close()]);
});

test('several points answer from the one that was asked', async () => {
  const us = await openHarness({ locals: [local('udp'), local('udp')] });
  const peer = await openHarness({ locals: [local('udp')] });
  const second = us.transport.locals[1]?.bind.port ?? 0;
  const target = { transport: 'udp', host: '127.0.0.1', port: second } as const;
  peer.transport.send(target, Buffer.from(request('two')), null);
  const { flow } = await us.next('message');
  us.transport.send(flow, Buffer.from('answer'), null);
  assert.is((await peer.next('message')).flow.remote.port, second);
  await Promise.all([us.transport.close(), peer.transport.close()]);
});

test('a name is resolved, and one that has no address fails the transaction', async () => {
  const us = await openHarness({ locals: [local('udp')] });
  const peer = await openHarness({ locals: [local('udp')] });
  const toName = { transport: 'udp', host: 'localhost', port: peer.port } as const;
  us.transport.send(toName, Buffer.from(request('name')), clientTxnId(1));
  assert.is((await peer.next('message')).text, request('name'));
  const toNobody = { transport: 'udp', host: 'nobody.invalid', port: 5060 } as const;
  us.transport.send(toNobody, Buffer.from(request('none')), clientTxnId(2));
  assert.is((await us.next('sendFailed')).txn, clientTxnId(2));
  await Promise.all([us.transport.close(), peer.transport.close()]);
});

test('what can’t be sent fails its transaction and nothing else', async () => {
  const us = await openHarness({ locals: [local('udp')] });
  const send = (host: string, port: number, bytes: Buffer, txn: number): void =>
    us.transport.send({ transport: 'udp', host, port }, bytes, clientTxnId(txn));
  send('127.0.0.1', 5060, Buffer.alloc(70_000), 1);
  assert.is((await us.next('sendFailed')).txn, clientTxnId(1));
  send('::1', 5060, Buffer.from(request('no IPv6 point')), 2);
  assert.is((await us.next('sendFailed')).txn, clientTxnId(2));
  send('127.0.0.1', 70_000, Buffer.from(request('no such port')), 3);
  assert.is((await us.next('sendFailed')).txn, clientTxnId(3));
  us.transport.send(
    { transport: 'tls', host: '127.0.0.1', port: 5061 },
    Buffer.from('x'),
    clientTxnId(4),
  );
  assert.is((await us.next('sendFailed')).txn, clientTxnId(4));
  us.transport.send(
    { id: 99, transport: 'udp', remote: { host: '127.0.0.1', port: 1 } },
    Buffer.from('x'),
    clientTxnId(5),
  );
  assert.is((await us.next('sendFailed')).txn, clientTxnId(5));
  // A broadcast, for which the socket has no leave; a firewall's refusal looks the same.
  send('127.255.255.255', 5060, Buffer.from(request('broadcast')), 6);
  assert.is((await us.next('sendFailed')).txn, clientTxnId(6));
  const { sendFailures, sendsForbidden, sendsTooLong } = us.transport.stats();
  assert.equal([sendFailures, sendsForbidden, sendsTooLong], [6, 1, 1]);
  await us.transport.close();
});

test('onSendFailed is never called from inside send', async () => {
  const us = await openHarness({ locals: [local('udp')] });
  us.transport.send({ transport: 'udp', host: '::1', port: 1 }, Buffer.from('x'), clientTxnId(1));
  assert.is(us.waiting('sendFailed'), 0);
  await us.next('sendFailed');
  await us.transport.close();
});

test('datagrams that keep a NAT binding open are counted and go no further', async () => {
  const us = await openHarness({ locals: [local('udp')] });
  const peer = dgram.createSocket('udp4');
  for (const ping of ['\r\n\r\n', '\0', 'jaK', request('after')])
    peer.send(ping, us.port, '127.0.0.1');
  assert.is((await us.next('message')).text, request('after'));
  assert.is(us.transport.stats().keepAlivesReceived, 3);
  await us.transport.close();
  peer.close();
});

test('a port in use is ADDRESS_IN_USE with the address, and what was open is closed again', async () => {
  const taken = await openHarness({ locals: [local('udp')] });
  const free = await openHarness({ locals: [local('udp')] });
  await free.transport.close();
  const open = (port: number) =>
    openSipTransport({
      locals: [local('udp', free.port), local('tcp', free.port), local('udp', port)],
      limits: WIDE_LIMITS,
      log: silentLog,
      onMessage: () => undefined,
      onSendFailed: () => undefined,
    });
  const result = await open(taken.port);
  assert.is(result.ok ? 'ok' : result.error.code, 'ADDRESS_IN_USE');
  assert.match(
    result.ok ? '' : result.error.message,
    `udp://127.0.0.1:${taken.port}: another program has it`,
  );
  await taken.transport.close();
  const second = await open(taken.port);
  assert.ok(second.ok);
  if (second.ok) await second.value.close();
});

test('an address that is not this machine’s is refused in words', async () => {
  const result = await openSipTransport({
    locals: [local('udp', 5060, '192.0.2.1')],
    limits: WIDE_LIMITS,
    log: silentLog,
    onMessage: () => undefined,
    onSendFailed: () => undefined,
  });
  assert.match(
    result.ok ? '' : result.error.message,
    'udp://192.0.2.1:5060: this machine has no such address',
  );
});

test('a socket buffer that the kernel cut down is a warning that says what to raise', async () => {
  const us = await openHarness({ locals: [local('udp')], limits: { udpBufferBytes: 2 ** 30 } });
  assert.is(us.transport.warnings.length, 1);
  assert.match(us.transport.warnings[0] ?? '', 'net.core.rmem_max');
  await us.transport.close();
  const modest = await openHarness({ locals: [local('udp')], limits: { udpBufferBytes: 65_536 } });
  assert.equal(modest.transport.warnings, []);
  await modest.transport.close();
});

test('closing twice is fine, and nothing is told after the first', async () => {
  const us = await openHarness({ locals: [local('udp'), local('tcp')] });
  await us.transport.close();
  await us.transport.close();
  us.transport.send(
    { transport: 'udp', host: '127.0.0.1', port: 9 },
    Buffer.from('x'),
    clientTxnId(1),
  );
  us.transport.send(
    { transport: 'tcp', host: '127.0.0.1', port: 9 },
    Buffer.from('x'),
    clientTxnId(2),
  );
  assert.is(us.waiting('sendFailed'), 0);
});

test.run();
