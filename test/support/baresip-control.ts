// The remote control of a baresip: keys are pressed by it, and it tells which ones were heard. JSON in netstrings over TCP.
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { until } from './loopback.ts';

const LIMIT_MS = 8_000;
/** Down and up again: one key of a telephone's user. */
const PRESS_MS = 160;
const PAUSE_MS = 160;

interface Told {
  readonly type?: string;
  readonly param?: string;
}

/** Connected to one telephone; whoever made it calls `close`. */
export class BaresipControl {
  readonly #socket: Socket;
  readonly #told: Told[] = [];
  #unread = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk.toString('utf8')));
    // Its end is the telephone's.
    socket.on('error', () => undefined);
  }

  static open({
    host,
    port,
  }: {
    readonly host: string;
    readonly port: number;
  }): Promise<BaresipControl> {
    return until(
      () =>
        new Promise<BaresipControl | null>((resolve) => {
          const socket = connect(port, host);
          socket.once('error', () => resolve(null));
          socket.once('connect', () => resolve(new BaresipControl(socket)));
        }),
      { what: `baresip's control at ${host}:${port}`, limitMs: LIMIT_MS, everyMs: 100 },
    );
  }

  /** Presses keys one after the other. */
  async press(keys: string): Promise<void> {
    for (const key of keys) {
      this.#command('sndcode', key);
      await pause(PRESS_MS + PAUSE_MS);
    }
  }

  /** Keys of the other party, each as often as its press was told. */
  get heard(): string {
    return this.#told
      .filter(({ type }) => type === 'CALL_DTMF_START')
      .map(({ param = '?' }) => param)
      .join('');
  }

  /** Settles when so many keys were heard. */
  async hears(count: number): Promise<void> {
    await until(() => this.heard.length >= count, { what: `${count} keys`, limitMs: LIMIT_MS });
  }

  close(): void {
    this.#socket.destroy();
  }

  #command(command: string, params: string): void {
    const text = JSON.stringify({ command, params });
    this.#socket.write(`${Buffer.byteLength(text)}:${text},`);
  }

  #read(text: string): void {
    this.#unread += text;
    for (;;) {
      const [head = '', digits = ''] = /^(\d+):/.exec(this.#unread) ?? [];
      const end = head.length + Number(digits);
      if (head === '' || this.#unread.length <= end) return;
      this.#told.push(JSON.parse(this.#unread.slice(head.length, end)) as Told);
      this.#unread = this.#unread.slice(end + 1);
    }
  }
}

/** Real telephones take real time; nothing is hoped to be over by then. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
