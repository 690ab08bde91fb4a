// Dialogs of RFC 3261 §12: how both roles make them, what their requests look like, and where those
// go.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CodedError, Result } from '../../../../src/base/index.ts';
import { indexMessage, parseMessage } from '../../../../src/sip/message/index.ts';
import { Dialog, recordRouteLines } from '../../../../src/sip/dialog/dialog.ts';
import type { DialogRequest } from '../../../../src/sip/dialog/dialog.ts';
import type {
  OutgoingRequest,
  SipMessage,
  SipRequest,
  SipResponse,
} from '../../../../src/sip/types.ts';

function parsed(lines: readonly string[]): SipMessage {
  const guarded = indexMessage(Buffer.from([...lines, '', ''].join('\r\n')), 'udp');
  if (guarded.verdict !== 'ok') throw new Error(guarded.error.message);
  return valueOf(parseMessage(guarded.index));
}

function valueOf<T>(result: Result<T, CodedError>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const INVITE: OutgoingRequest = {
  method: 'INVITE',
  uri: 'sip:bob@example.net',
  headers: [
    ['Max-Forwards', '70'],
    ['From', '"Alice" <sip:alice@10.0.0.1>;tag=a1'],
    ['To', '<sip:bob@example.net>'],
    ['Call-ID', 'c1'],
    ['CSeq', '41 INVITE'],
    ['Contact', '<sip:alice@10.0.0.1:5060>'],
  ],
  body: null,
};

function response(
  status: number,
  options: { tag?: string; contact?: string | null; recordRoutes?: readonly string[] } = {},
): SipResponse {
  const contact = options.contact === undefined ? '<sip:bob@192.0.2.4:5070>' : options.contact;
  const message = parsed([
    `SIP/2.0 ${status} Whatever`,
    'Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx',
    'From: "Alice" <sip:alice@10.0.0.1>;tag=a1',
    `To: <sip:bob@example.net>;tag=${options.tag ?? 'b1'}`,
    'Call-ID: c1',
    'CSeq: 41 INVITE',
    ...(contact === null ? [] : [`Contact: ${contact}`]),
    ...(options.recordRoutes ?? []).map((value) => `Record-Route: ${value}`),
    'Content-Length: 0',
  ]);
  if (message.kind !== 'response') throw new Error('not a response');
  return message;
}

function request(extra: readonly string[] = []): SipRequest {
  const message = parsed([
    'INVITE sip:us@10.0.0.1 SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKx',
    'Max-Forwards: 70',
    'From: "Carol \\"C\\" D" <sip:carol@192.0.2.4>;tag=c9',
    'To: <sip:us@10.0.0.1>',
    'Call-ID: c2',
    'CSeq: 100 INVITE',
    'Contact: <sip:carol@192.0.2.4:5080;transport=tcp>',
    ...extra,
    'Content-Length: 0',
  ]);
  if (message.kind !== 'request') throw new Error('not a request');
  return message;
}

const LOCAL = { tag: 'u1', contact: '<sip:us@10.0.0.1:5060>' };

function header(built: DialogRequest, name: string): string[] {
  return built.request.headers.filter(([key]) => key === name).map(([, value]) => value);
}

test('a caller’s dialog takes its identity from both messages and counts CSeq on', () => {
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200)));
  assert.is(dialog.callId, 'c1');
  assert.is(dialog.localTag, 'a1');
  assert.is(dialog.remoteTag, 'b1');
  const bye = valueOf(dialog.buildRequest('BYE'));
  assert.is(bye.request.uri, 'sip:bob@192.0.2.4:5070');
  assert.equal(bye.target, { transport: 'udp', host: '192.0.2.4', port: 5070 });
  assert.is(bye.cseq, 42);
  assert.equal(bye.request.headers, [
    ['Max-Forwards', '70'],
    ['From', '"Alice" <sip:alice@10.0.0.1>;tag=a1'],
    ['To', '<sip:bob@example.net>;tag=b1'],
    ['Call-ID', 'c1'],
    ['CSeq', '42 BYE'],
  ]);
  assert.is(valueOf(dialog.buildRequest('INFO')).cseq, 43);
});

test('a callee’s dialog swaps From and To and starts with an empty sequence', () => {
  const dialog = Dialog.fromUas(request(), LOCAL);
  const bye = valueOf(dialog.buildRequest('BYE'));
  assert.is(bye.cseq, 1);
  assert.equal(header(bye, 'From'), ['<sip:us@10.0.0.1>;tag=u1']);
  assert.equal(header(bye, 'To'), ['"Carol \\"C\\" D" <sip:carol@192.0.2.4>;tag=c9']);
  assert.equal(bye.target, { transport: 'tcp', host: '192.0.2.4', port: 5080 });
});

test('target-refresh requests carry our Contact, others don’t; further headers and body follow', () => {
  const dialog = Dialog.fromUas(request(), LOCAL);
  const body = Buffer.from('v=0');
  const headers = [['Content-Type', 'application/sdp']] as const;
  const reInvite = valueOf(dialog.buildRequest('INVITE', { headers, body, maxForwards: 12 }));
  assert.equal(header(reInvite, 'Contact'), ['<sip:us@10.0.0.1:5060>']);
  assert.equal(header(reInvite, 'Max-Forwards'), ['12']);
  assert.equal(reInvite.request.headers.at(-1), ['Content-Type', 'application/sdp']);
  assert.is(reInvite.request.body, body);
  assert.equal(header(valueOf(dialog.buildRequest('INFO')), 'Contact'), []);
});

test('the ACK repeats the INVITE’s number and leaves the sequence alone', () => {
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200)));
  const ack = valueOf(dialog.buildAck(41, { body: Buffer.from('v=0') }));
  assert.equal(header(ack, 'CSeq'), ['41 ACK']);
  assert.is(ack.request.method, 'ACK');
  assert.is(valueOf(dialog.buildRequest('BYE')).cseq, 42);
});

test('a caller reverses Record-Route, a callee keeps its order (loose routing)', () => {
  const routes = ['<sip:p1.example;lr>', '<sip:p2.example:5090;transport=tcp;lr>'];
  const uac = valueOf(Dialog.fromUac(INVITE, response(200, { recordRoutes: routes })));
  const fromUac = valueOf(uac.buildRequest('BYE'));
  assert.equal(header(fromUac, 'Route'), [routes[1], routes[0]]);
  assert.is(fromUac.request.uri, 'sip:bob@192.0.2.4:5070');
  assert.equal(fromUac.target, { transport: 'tcp', host: 'p2.example', port: 5090 });

  const invite = request(routes.map((value) => `Record-Route: ${value}`));
  const fromUas = valueOf(Dialog.fromUas(invite, LOCAL).buildRequest('BYE'));
  assert.equal(header(fromUas, 'Route'), routes);
  assert.equal(fromUas.target, { transport: 'udp', host: 'p1.example', port: 5060 });
  assert.equal(
    recordRouteLines(invite),
    routes.map((value) => ['Record-Route', value]),
  );
});

test('a first route without lr is the Request-URI and the remote target goes last (strict routing)', () => {
  const routes = ['<sip:p2.example;lr>', '<sip:p1.example:5077;method=INVITE?X=1>'];
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200, { recordRoutes: routes })));
  const bye = valueOf(dialog.buildRequest('BYE'));
  assert.is(bye.request.uri, 'sip:p1.example:5077');
  assert.equal(header(bye, 'Route'), ['<sip:p2.example;lr>', '<sip:bob@192.0.2.4:5070>']);
  assert.equal(bye.target, { transport: 'udp', host: 'p1.example', port: 5077 });
});

test('what a Request-URI may not hold is cut from the Contact, and a user part is left alone', () => {
  const contact = '<sip:a?b;method=x@192.0.2.4;method=INVITE;ob?Subject=hi>';
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200, { contact })));
  assert.is(valueOf(dialog.buildRequest('BYE')).request.uri, 'sip:a?b;method=x@192.0.2.4;ob');
});

test('a 2xx without Contact leaves the URI that reached the peer', () => {
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200, { contact: null })));
  assert.is(valueOf(dialog.buildRequest('BYE')).request.uri, 'sip:bob@example.net');
});

test('a new Contact moves the remote target and not the route set', () => {
  const routes = ['<sip:p1.example;lr>'];
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200, { recordRoutes: routes })));
  dialog.refreshTarget(response(200, { contact: '<sip:bob@192.0.2.5>' }).contacts[0] ?? null);
  dialog.refreshTarget(null);
  const bye = valueOf(dialog.buildRequest('BYE'));
  assert.is(bye.request.uri, 'sip:bob@192.0.2.5');
  assert.equal(header(bye, 'Route'), routes);
});

test('a pinned target replaces the address, not the route', () => {
  const pinnedTarget = { transport: 'udp', host: '198.51.100.7', port: 40_000 } as const;
  const dialog = Dialog.fromUas(request(), LOCAL, { pinnedTarget });
  const pinned = valueOf(dialog.buildRequest('BYE'));
  assert.equal(pinned.target, pinnedTarget);
  assert.is(pinned.request.uri, 'sip:carol@192.0.2.4:5080;transport=tcp');
});

test('accepts rising CSeq numbers, gaps too, and calls others stale', () => {
  const dialog = Dialog.fromUas(request(), LOCAL);
  const verdicts = [100, 99, 101, 101, 500, 102, 501].map((cseq) => dialog.acceptRequest(cseq));
  assert.equal(verdicts, ['stale', 'stale', 'ok', 'stale', 'ok', 'stale', 'ok']);
  const uac = valueOf(Dialog.fromUac(INVITE, response(200)));
  assert.is(uac.acceptRequest(0), 'ok');
});

test('a Contact that leads nowhere is an error value, with a pinned target it is not', () => {
  const dialog = valueOf(Dialog.fromUac(INVITE, response(200, { contact: '<tel:+441234>' })));
  const built = dialog.buildRequest('BYE');
  assert.ok(!built.ok);
  if (!built.ok) assert.is(built.error.code, 'URI_UNSUPPORTED');
  const pinnedTarget = { transport: 'udp', host: '192.0.2.4', port: 5060 } as const;
  const answer = response(200, { contact: '<tel:+441234>' });
  const pinned = valueOf(Dialog.fromUac(INVITE, answer, { pinnedTarget }));
  assert.is(valueOf(pinned.buildRequest('BYE')).request.uri, 'tel:+441234');
});

test('a Contact that is no URI, and a route that leads nowhere, never reach a request', () => {
  for (const uri of ['sip:b@x y', 'sip:b@x;\u00e9', 'nonsense']) {
    const dialog = valueOf(Dialog.fromUac(INVITE, response(200)));
    dialog.refreshTarget({ display: null, uri, params: new Map(), tag: null });
    assert.not.ok(dialog.buildRequest('BYE').ok, uri);
  }
  const lost = response(200, { recordRoutes: ['<tel:+441234>'] });
  assert.equal(lost.recordRoutes, ['<tel:+441234>']);
  assert.not.ok(valueOf(Dialog.fromUac(INVITE, lost)).buildRequest('BYE').ok);
});

test('a request of ours without tag, Call-ID or CSeq makes no dialog', () => {
  for (const missing of ['From', 'Call-ID', 'CSeq']) {
    const headers = INVITE.headers.filter(([name]) => name !== missing);
    assert.not.ok(Dialog.fromUac({ ...INVITE, headers }, response(200)).ok, missing);
  }
  const headers = INVITE.headers.map(([name, value]) =>
    name === 'From' ? ([name, '<sip:alice@10.0.0.1>'] as const) : ([name, value] as const),
  );
  assert.not.ok(Dialog.fromUac({ ...INVITE, headers }, response(200)).ok);
});

test.run();
