// A telephone of a few lines over plain UDP sockets, for tests that look at single messages and single media packets.
import type { RemoteInfo, Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { until } from '../support/loopback.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A message as it came, and where from. */
export interface Message {
  readonly text: string;
  /** Of a response; 0 for a request. */
  readonly status: number;
  /** Of a request, or of the CSeq of a response. */
  readonly method: string;
}

/** A dialog as one side knows it: what its next request needs. */
export interface Dialog {
  readonly target: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  cseq: number;
  /** Where the engine takes this side's audio, from its SDP. */
  readonly media: Place;
}

const LIMIT_MS = 8_000;

/** A UDP socket that keeps what it receives. */
export class Wire {
  readonly #socket: Socket;
  readonly received: Buffer[] = [];
  onMessage: (bytes: Buffer, from: RemoteInfo) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, from) => {
      this.received.push(bytes);
      this.onMessage(bytes, from);
    });
  }

  static open(host: string): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(0, host, () => resolve(new Wire(socket)));
    });
  }

  get place(): Place {
    const { address, port } = this.#socket.address();
    return { host: address, port };
  }

  send(bytes: Buffer | string, to: Place): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, to.port, to.host, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** One party with a socket for SIP and one for audio. Calls are answered at once with 200; a BYE too. */
export class Phone {
  readonly #sip: Wire;
  readonly audio: Wire;
  readonly messages: Message[] = [];
  /** The dialog of the last call that was answered here. */
  answered: Dialog | null = null;
  /** What its descriptions list: payload types, and lines about them. */
  formats = '0';
  attributes: readonly string[] = ['a=rtpmap:0 PCMU/8000'];
  #count = 0;

  private constructor(sip: Wire, audio: Wire) {
    this.#sip = sip;
    this.audio = audio;
    sip.onMessage = (bytes, from) => {
      const message = messageOf(bytes.toString('utf8'));
      this.messages.push(message);
      if (message.status === 0) void this.#answer(message, { host: from.address, port: from.port });
    };
  }

  static async open(host: string): Promise<Phone> {
    return new Phone(await Wire.open(host), await Wire.open(host));
  }

  get place(): Place {
    return this.#sip.place;
  }

  close(): void {
    this.#sip.close();
    this.audio.close();
  }

  /** Sends OPTIONS outside any call. @returns the final response. */
  options(to: Place): Promise<Message> {
    return this.#request('OPTIONS', to, { uri: uriOf('', to), to: `<${uriOf('', to)}>` });
  }

  /** Sends an INVITE and acknowledges its final response. @returns that response. */
  async invite(called: string, to: Place): Promise<Message> {
    const uri = uriOf(called, to);
    const final = await this.#request('INVITE', to, { uri, to: `<${uri}>`, sdp: true });
    const target = final.status < 300 ? (contactOf(final) ?? uri) : uri;
    const sent = headerOf(final, 'CSeq').split(' ')[0] ?? '1';
    const branch = final.status < 300 ? this.#branch() : branchOf(final);
    const head = this.#head('ACK', { uri: target, cseq: sent, branch });
    const rest = [
      `From: ${headerOf(final, 'From')}`,
      `To: ${headerOf(final, 'To')}`,
      `Call-ID: ${headerOf(final, 'Call-ID')}`,
    ];
    await this.#sip.send(textOf([...head, ...rest], ''), to);
    return final;
  }

  /** As `invite`, for a call that must be answered. */
  async call(called: string, to: Place): Promise<Dialog> {
    const final = await this.invite(called, to);
    if (final.status !== 200) throw new Error(`not answered: ${final.text}`);
    return {
      target: contactOf(final) ?? '',
      from: headerOf(final, 'From'),
      to: headerOf(final, 'To'),
      callId: headerOf(final, 'Call-ID'),
      cseq: 1,
      media: mediaOf(final),
    };
  }

  /** Sends a request inside a call. @returns its final response. */
  inDialog(method: string, dialog: Dialog, to: Place): Promise<Message> {
    dialog.cseq += 1;
    return this.#request(method, to, { uri: dialog.target, ...dialog });
  }

  /** Waits for a request, for example a BYE. */
  requestComes(method: string): Promise<Message> {
    return until(
      () => this.messages.find((one) => one.status === 0 && one.method === method) ?? null,
      { what: `${method} to the phone`, limitMs: LIMIT_MS },
    );
  }

  async #request(
    method: string,
    to: Place,
    parts: {
      readonly uri: string;
      readonly to: string;
      readonly from?: string;
      readonly callId?: string;
      readonly cseq?: number;
      readonly sdp?: boolean;
    },
  ): Promise<Message> {
    this.#count += 1;
    const { host, port } = this.place;
    const branch = this.#branch();
    const callId = parts.callId ?? `${process.pid}-${port}-${this.#count}@${host}`;
    const lines = [
      ...this.#head(method, { uri: parts.uri, cseq: String(parts.cseq ?? 1), branch }),
      `From: ${parts.from ?? `<${uriOf('442079460000', this.place)}>;tag=t${this.#count}`}`,
      `To: ${parts.to}`,
      `Call-ID: ${callId}`,
    ];
    const text = textOf(lines, parts.sdp === true ? this.#sdp() : '');
    await this.#sip.send(text, to);
    return until(
      () => this.messages.find((one) => one.status >= 200 && one.text.includes(branch)) ?? null,
      { what: `an answer to ${method}`, limitMs: LIMIT_MS, everyMs: 5 },
    );
  }

  #branch(): string {
    return `z9hG4bK-${this.place.port}-${(Math.random() * 2 ** 40).toString(36)}`;
  }

  #head(
    method: string,
    { uri, cseq, branch }: { readonly uri: string; readonly cseq: string; readonly branch: string },
  ): string[] {
    const { host, port } = this.place;
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${host}:${port};branch=${branch};rport`,
      'Max-Forwards: 70',
      `CSeq: ${cseq} ${method}`,
      `Contact: <${uriOf('phone', this.place)}>`,
    ];
  }

  #sdp(): string {
    const { host, port } = this.audio.place;
    const lines = [
      'v=0',
      `o=- 1 1 IN IP4 ${host}`,
      's=-',
      `c=IN IP4 ${host}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${this.formats}`,
      ...this.attributes,
    ];
    return `${lines.join('\r\n')}\r\n`;
  }

  async #answer(request: Message, from: Place): Promise<void> {
    if (request.method === 'ACK') return;
    const isInvite = request.method === 'INVITE';
    const tag = /;tag=/.test(headerOf(request, 'To')) ? '' : `;tag=p${this.place.port}`;
    const via = request.text.split('\r\n').filter((line) => /^Via:/i.test(line));
    const to = `${headerOf(request, 'To')}${tag}`;
    const callId = headerOf(request, 'Call-ID');
    const lines = [
      'SIP/2.0 200 OK',
      ...via,
      `From: ${headerOf(request, 'From')}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${headerOf(request, 'CSeq')}`,
      `Contact: <${uriOf('phone', this.place)}>`,
    ];
    if (isInvite) {
      const target = contactOf(request) ?? '';
      const media = mediaOf(request);
      this.answered = { target, from: to, to: headerOf(request, 'From'), callId, cseq: 0, media };
    }
    await this.#sip.send(textOf(lines, isInvite ? this.#sdp() : ''), from);
  }
}

/** An RTP packet of PCMU silence: enough for a relay. */
export function rtpPacket(ssrc: number, sequence: number): Buffer {
  const packet = Buffer.alloc(12 + 160, 0xff);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(0, 1);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE((sequence * 160) >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

/** The SSRC of a packet that came out of the engine. */
export function ssrcOf(packet: Buffer): number {
  return packet.readUInt32BE(8);
}

/** A header's value; empty when there is none. */
export function headerOf({ text }: Message, name: string): string {
  return new RegExp(`^${name}:[ \t]*(.*)$`, 'im').exec(text)?.[1]?.trim() ?? '';
}

function messageOf(text: string): Message {
  const status = Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1] ?? 0);
  const method = /^CSeq:\s*\d+\s+(\w+)/im.exec(text)?.[1] ?? '';
  return { text, status, method };
}

function textOf(lines: readonly string[], body: string): string {
  const type = body === '' ? [] : ['Content-Type: application/sdp'];
  return [...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

function uriOf(user: string, { host, port }: Place): string {
  return `sip:${user === '' ? '' : `${user}@`}${host}:${port}`;
}

function contactOf(message: Message): string | null {
  return /<([^>]+)>/.exec(headerOf(message, 'Contact'))?.[1] ?? null;
}

function branchOf(message: Message): string {
  return /branch=([^;\s]+)/.exec(headerOf(message, 'Via'))?.[1] ?? '';
}

function mediaOf({ text }: Message): Place {
  const host = /^c=IN IP4 (\S+)/m.exec(text)?.[1] ?? '';
  return { host, port: Number(/^m=audio (\d+)/m.exec(text)?.[1] ?? 0) };
}
