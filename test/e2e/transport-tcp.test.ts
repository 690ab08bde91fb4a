// TCP on real loopback sockets: framing, reuse, and every way a peer can be slow, greedy or broken.
import net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId } from '../../src/base/index.ts';
import {
  asPeer,
  connectPeer,
  local,
  openHarness,
  request,
  type Peer,
} from './transport-harness.ts';

const READING = { paused: false } as const;

/** A peer that only listens: gives the connections that come in, in order. */
async function listen(): Promise<{
  readonly port: number;
  accepted(): Promise<Peer>;
  close(): void;
}> {
  const peers: Peer[] = [];
  const takers: ((peer: Peer) => void)[] = [];
  const server = net.createServer((socket) => {
    const peer = asPeer(socket, READING);
    const taker = takers.shift();
    if (taker === undefined) peers.push(peer);
    else taker(peer);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    accepted: () =>
      new Promise((resolve) => {
        const known = peers.shift();
        if (known === undefined) takers.push(resolve);
        else resolve(known);
      }),
    close: () => void server.close(),
  };
}

test('pipelined messages in one write come out one by one, and answers go back on the connection', async () => {
  const us = await openHarness({
    locals: [local('tcp')],
    onTold: (told, transport) => {
      if (told.kind !== 'message') return;
      transport.send(told.flow, Buffer.from(`got ${/Call-ID: (\w+)/.exec(told.text)?.[1]};`), null);
    },
  });
  const peer = await connectPeer(us.port, READING);
  const count = 500;
  let batch = '';
  for (let i = 0; i < count; i += 1) batch += request(`n${i}`, 'body');
  peer.socket.write(batch);
  await peer.until(`got n${count - 1};`);
  assert.is(peer.text().split(';').length - 1, count);
  assert.is(us.transport.stats().messagesReceived, count);
  peer.socket.destroy();
  await us.transport.close();
});

test('a message that comes byte by byte is one message', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const peer = await connectPeer(us.port, READING);
  peer.socket.setNoDelay(true);
  const text = request('split', 'some body');
  for (const byte of text) {
    await new Promise<void>((resolve) => {
      peer.socket.write(byte, () => resolve());
    });
  }
  assert.is((await us.next('message')).text, text);
  peer.socket.destroy();
  await us.transport.close();
});

test('a double CRLF is answered with one CRLF', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const peer = await connectPeer(us.port, READING);
  peer.socket.write('\r\n\r\n');
  await peer.until('\r\n');
  assert.is(peer.text(), '\r\n');
  assert.is(us.transport.stats().keepAlivesReceived, 1);
  peer.socket.destroy();
  await us.transport.close();
});

test('a request without a length breaks the stream: told, answered, closed', async () => {
  const us = await openHarness({
    locals: [local('tcp')],
    onTold: (told, transport) => {
      if (told.kind === 'broken') transport.send(told.flow, Buffer.from('SIP/2.0 400 Bad'), null);
    },
  });
  const peer = await connectPeer(us.port, READING);
  peer.socket.write(
    request('x').replace('Content-Length: 0', 'Content-Length: abc') + 'y'.repeat(10_000),
  );
  const { error } = await us.next('broken');
  assert.is(error.code, 'MESSAGE_MALFORMED');
  await peer.closed;
  assert.is(peer.text(), 'SIP/2.0 400 Bad');
  assert.is(us.transport.stats().refused.streamBroken, 1);
  await us.next('flowClosed');
  await us.transport.close();
});

test('a message to the far end of a peer’s own connection goes out on it, for nobody listens there', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const peer = await connectPeer(us.port, READING);
  peer.socket.write(request('behind-nat'));
  const { flow } = await us.next('message');
  us.transport.send({ transport: 'tcp', ...flow.remote }, Buffer.from('BYE;'), clientTxnId(1));
  await peer.until('BYE;');
  const { connectionsInbound, connectionsOutbound, sendFailures } = us.transport.stats();
  assert.equal([connectionsInbound, connectionsOutbound, sendFailures], [1, 0, 0]);
  peer.socket.destroy();
  await us.next('flowClosed');
  us.transport.send({ transport: 'tcp', ...flow.remote }, Buffer.from('BYE;'), clientTxnId(2));
  assert.is((await us.next('sendFailed')).txn, clientTxnId(2));
  await us.transport.close();
});

// RFC 5923 lets a connection stand for another port of its peer where certificates show whose it is. Without them anyone at that
// address, another user of the same host or NAT, could draw the gateway's calls to itself.
test('a gateway’s connection from another port than its own is not taken for the gateway', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const far = await listen();
  const stranger = await connectPeer(us.port, READING);
  stranger.socket.write(request('from-the-same-host'));
  const { flow } = await us.next('message');
  assert.is.not(flow.remote.port, far.port);
  const target = { transport: 'tcp', host: flow.remote.host, port: far.port } as const;
  us.transport.send(target, Buffer.from('INVITE;'), clientTxnId(1));
  const gateway = await far.accepted();
  await gateway.until('INVITE;');
  assert.is(stranger.text(), '');
  const { connectionsInbound, connectionsOutbound } = us.transport.stats();
  assert.equal([connectionsInbound, connectionsOutbound], [1, 1]);
  gateway.socket.destroy();
  stranger.socket.destroy();
  far.close();
  await us.transport.close();
});

test('a second message to the same place uses the same connection', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const far = await listen();
  const target = { transport: 'tcp', host: '127.0.0.1', port: far.port } as const;
  us.transport.send(target, Buffer.from('first;'), clientTxnId(1));
  us.transport.send(target, Buffer.from('second;'), clientTxnId(2));
  const peer = await far.accepted();
  await peer.until('second;');
  us.transport.send(target, Buffer.from('third;'), clientTxnId(3));
  await peer.until('third;');
  assert.is(peer.text(), 'first;second;third;');
  assert.is(us.transport.stats().connectionsOutbound, 1);
  assert.is(us.waiting('sendFailed'), 0);
  peer.socket.destroy();
  far.close();
  await us.transport.close();
});

test('what the far side sends on our connection comes in with that flow', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const far = await listen();
  us.transport.send(
    { transport: 'tcp', host: '127.0.0.1', port: far.port },
    Buffer.from('ask;'),
    null,
  );
  const peer = await far.accepted();
  peer.socket.write(request('back'));
  const { flow, text } = await us.next('message');
  assert.is(text, request('back'));
  assert.equal(flow.remote, { host: '127.0.0.1', port: far.port });
  us.transport.send(flow, Buffer.from('answer;'), null);
  await peer.until('answer;');
  peer.socket.destroy();
  far.close();
  await us.transport.close();
});

test('after the far side closed, the next message opens a new connection', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const far = await listen();
  const target = { transport: 'tcp', host: '127.0.0.1', port: far.port } as const;
  us.transport.send(target, Buffer.from('one;'), null);
  const first = await far.accepted();
  await first.until('one;');
  first.socket.end();
  const { flow } = await us.next('flowClosed');
  us.transport.send(flow, Buffer.from('lost'), clientTxnId(7));
  assert.is((await us.next('sendFailed')).txn, clientTxnId(7));
  us.transport.send(target, Buffer.from('two;'), null);
  const second = await far.accepted();
  await second.until('two;');
  second.socket.destroy();
  far.close();
  await us.transport.close();
});

test('a refused connection fails every transaction that waited for it', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const far = await listen();
  far.close();
  const target = { transport: 'tcp', host: '127.0.0.1', port: far.port } as const;
  for (const txn of [1, 2, 3]) us.transport.send(target, Buffer.from('x'), clientTxnId(txn));
  const failed = [];
  for (let i = 0; i < 3; i += 1) failed.push((await us.next('sendFailed')).txn);
  assert.equal(failed, [1, 2, 3]);
  assert.is(us.transport.stats().connectionsOutbound, 0);
  await us.transport.close();
});

test('one source has its cap of connections; the refused ones are reset, the others live on', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { connectionsPerSourceMax: 2 } });
  const first = await connectPeer(us.port, READING);
  const second = await connectPeer(us.port, READING);
  second.socket.write(request('second'));
  await us.next('message');
  const third = net.connect({ host: '127.0.0.1', port: us.port });
  third.on('error', () => undefined);
  assert.is((await us.next('refused')).reason, 'connectionsPerSourceMax');
  assert.is(us.transport.stats().connectionsInbound, 2);
  first.socket.destroy();
  await us.next('flowClosed');
  const fourth = await connectPeer(us.port, READING);
  fourth.socket.write(request('fourth'));
  assert.is((await us.next('message')).text, request('fourth'));
  second.socket.destroy();
  fourth.socket.destroy();
  await us.transport.close();
});

test('all sources together have theirs', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { connectionsMax: 1 } });
  const first = await connectPeer(us.port, READING);
  first.socket.write(request('first'));
  await us.next('message');
  const second = net.connect({ host: '127.0.0.1', port: us.port, localAddress: '127.0.0.2' });
  second.on('error', () => undefined);
  assert.is((await us.next('refused')).reason, 'connectionsMax');
  first.socket.destroy();
  await us.transport.close();
});

test('strangers can’t take the last connections from sources that are known', async () => {
  const us = await openHarness({
    locals: [local('tcp')],
    limits: { connectionsMax: 8 },
    isKnownSource: (host) => host === '127.0.0.9',
  });
  const from = (localAddress: string): net.Socket => {
    const socket = net.connect({ host: '127.0.0.1', port: us.port, localAddress });
    socket.on('error', () => undefined);
    return socket;
  };
  const strangers = [2, 3, 4, 5, 6, 7, 8, 10].map((last) => from(`127.0.0.${last}`));
  assert.is((await us.next('refused')).reason, 'connectionsMax');
  const known = from('127.0.0.9');
  known.write(request('known'));
  assert.is((await us.next('message')).text, request('known'));
  assert.is(us.transport.stats().connectionsInbound, 8);
  for (const socket of [...strangers, known]) socket.destroy();
  await us.transport.close();
});

test('a message that is never finished ends its connection, however lively it drips', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { messageTimeoutMs: 60 } });
  const peer = await connectPeer(us.port, READING);
  peer.socket.write(request('whole') + 'OPTIONS sip:');
  await us.next('message');
  const drip = setInterval(() => peer.socket.write('x'), 5);
  assert.is((await us.next('refused')).reason, 'messageTimeout');
  clearInterval(drip);
  await peer.closed;
  await us.transport.close();
});

test('a connection that never says anything counts as an unfinished message', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { messageTimeoutMs: 60 } });
  const peer = await connectPeer(us.port, READING);
  assert.is((await us.next('refused')).reason, 'messageTimeout');
  await peer.closed;
  await us.transport.close();
});

test('a connection that has spoken lives past that, until it has been idle for long', async () => {
  const limits = { messageTimeoutMs: 40, idleTimeoutMs: 200 };
  const us = await openHarness({ locals: [local('tcp')], limits });
  const peer = await connectPeer(us.port, READING);
  peer.socket.write(request('hello'));
  assert.is((await us.next('refused')).reason, 'idleTimeout');
  await peer.closed;
  await us.transport.close();
});

test('a peer that doesn’t read is closed when too much waits for it, and its transactions fail', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { unsentBytesMax: 100_000 } });
  const peer = await connectPeer(us.port, { paused: true });
  peer.socket.write(request('slow'));
  const { flow } = await us.next('message');
  const page = Buffer.alloc(50_000);
  for (let i = 0; us.transport.stats().refused.unsentBytesMax === 0; i += 1) {
    assert.ok(i < 10_000, 'bytes pile up without a bound');
    us.transport.send(flow, page, clientTxnId(i));
    // The kernel's own buffer has to fill first.
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is((await us.next('refused')).reason, 'unsentBytesMax');
  await us.next('sendFailed');
  await us.next('flowClosed');
  peer.socket.destroy();
  await us.transport.close();
});

test('a peer that takes nothing while bytes wait is closed after the write timeout', async () => {
  const limits = { unsentBytesMax: 64 * 1024 * 1024, writeTimeoutMs: 60 };
  const us = await openHarness({ locals: [local('tcp')], limits });
  const peer = await connectPeer(us.port, { paused: true });
  peer.socket.write(request('stuck'));
  const { flow } = await us.next('message');
  us.transport.send(flow, Buffer.alloc(32 * 1024 * 1024), clientTxnId(1));
  assert.is((await us.next('refused')).reason, 'writeTimeout');
  assert.is((await us.next('sendFailed')).txn, clientTxnId(1));
  peer.socket.destroy();
  await us.transport.close();
});

const toPort = (port: number) => ({ transport: 'tcp', host: '127.0.0.1', port }) as const;

test('a connection on which nothing answers a request is closed, and the next message opens another', async () => {
  const us = await openHarness({ locals: [local('tcp')], limits: { answerTimeoutMs: 60 } });
  const far = await listen();
  us.transport.send(toPort(far.port), Buffer.from(request('lost')), clientTxnId(1));
  const swallowing = await far.accepted();
  await swallowing.until('lost');
  assert.is((await us.next('refused')).reason, 'answerTimeout');
  await us.next('flowClosed');
  us.transport.send(toPort(far.port), Buffer.from(request('found')), clientTxnId(2));
  const next = await far.accepted();
  await next.until('found');
  next.socket.write(request('hello'));
  await us.next('message');
  far.close();
  await us.transport.close();
});

test('no answer is due to an ACK, nor after anything was heard since the request', async () => {
  const limits = { answerTimeoutMs: 40, idleTimeoutMs: 400 };
  const us = await openHarness({ locals: [local('tcp')], limits });
  const far = await listen();
  us.transport.send(toPort(far.port), Buffer.from(request('asked')), clientTxnId(1));
  const peer = await far.accepted();
  await peer.until('asked');
  peer.socket.write(request('heard'));
  await us.next('message');
  const ack = request('done').replaceAll('OPTIONS', 'ACK');
  us.transport.send(toPort(far.port), Buffer.from(ack), clientTxnId(2));
  assert.is((await us.next('refused')).reason, 'idleTimeout');
  far.close();
  await us.transport.close();
});

test('when all connections of ours are taken, the one that was silent longest gives way to a new one', async () => {
  const limits = { connectionsMax: 2, connectTimeoutMs: 100 };
  const us = await openHarness({ locals: [local('tcp')], limits });
  const [gateway, other, third] = [await listen(), await listen(), await listen()];
  us.transport.send(toPort(gateway.port), Buffer.from(request('g1')), clientTxnId(1));
  const heard = await gateway.accepted();
  us.transport.send(toPort(other.port), Buffer.from(request('o1')), clientTxnId(2));
  const silent = await other.accepted();
  heard.socket.write(request('alive'));
  await us.next('message');
  let found = false;
  const accepted = third.accepted().then((peer) => {
    found = true;
    return peer;
  });
  // Refused for as long as either may only just have been opened.
  for (let txn = 3; !found; txn += 1) {
    us.transport.send(toPort(third.port), Buffer.from(request(`t${txn}`)), clientTxnId(txn));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await (await accepted).until('Call-ID: t');
  assert.is((await us.next('sendFailed')).txn, clientTxnId(3));
  assert.is((await us.next('refused')).reason, 'connectionsMax');
  await silent.closed;
  us.transport.send(toPort(gateway.port), Buffer.from(request('g2')), clientTxnId(1));
  await heard.until('g2');
  for (const one of [gateway, other, third]) one.close();
  await us.transport.close();
});

test('closing lets the last answer out, ends idle connections and doesn’t wait for a peer that hangs', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  const polite = await connectPeer(us.port, READING);
  const stuck = await connectPeer(us.port, { paused: true });
  stuck.socket.write(request('stuck'));
  const hung = await us.next('message');
  us.transport.send(hung.flow, Buffer.alloc(900_000), null);
  polite.socket.write(request('polite'));
  const { flow } = await us.next('message');
  us.transport.send(flow, Buffer.from('last words'), null);
  await us.transport.close();
  await polite.closed;
  assert.is(polite.text(), 'last words');
  assert.is(us.waiting('flowClosed'), 0);
  stuck.socket.destroy();
});

test('a taken TCP port is ADDRESS_IN_USE', async () => {
  const us = await openHarness({ locals: [local('tcp')] });
  let message = '';
  try {
    await openHarness({ locals: [local('udp'), local('tcp', us.port)] });
  } catch (error) {
    message = error instanceof Error ? error.message : '';
  }
  assert.match(message, `tcp://127.0.0.1:${us.port}: another program has it`);
  await us.transport.close();
});

test.run();
