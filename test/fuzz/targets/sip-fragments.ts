// Fragments of SIP's structure for the framer and guard targets. Data only.

export const SIP_FRAGMENTS: readonly string[] = [
  'Content-Length: 0', 'l: 5', 'Content-Length : 3', 'Content-Length:\r\n 4', 'content-length: -1', 'v: SIP/2.0/UDP h;branch=z9hG4bK1',
  'Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK2;rport;received=1.2.3.4', 'Via: SIP / 2.0 / UDP a , SIP/2.0/UDP b',
  'f: <sip:a@b>;tag=1', 'From: "q\\"" <sip:a@b>;tag=2', 'To: sip:b@c;tag=3', 't: b <sip:b@c>', 'i: x@y', 'Call-ID: z', 'CSeq: 1 ACK', 'CSeq: 2147483648 INVITE',
  'Max-Forwards: 255', 'm: *', 'Contact: "a,b" <sip:a@b>;q=1, sip:c@d', 'Route: <sip:r;lr>,<sip:s;lr>', 'Record-Route: <sip:[::1];lr>',
  'Authorization: Digest username="a", realm="b", nonce="c", uri="d", response="e"', 'constructor: x', '__proto__: y',
  ';__proto__=1', ';tag=9', ';branch=z9hG4bK', '<sip:', '>', '"', '\\', '\r\n ', '\r\n\t', 'SIP/2.0', 'SIP/3.0', 'sip:', 'tel:+1', 'sips:a@[::1]:5061;x?y=z',
  'ACK sip:a@b SIP/2.0', 'SIP/2.0 200 OK', 'C%6Fntact: <sip:e@f>', '%00', '\xc3\xa0', '\xa0', 'Subject: x\xa0', 'Accept: a/b, c/d', '\r\n\r\n',
];
