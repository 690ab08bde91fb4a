// The least that a relay over UDP sockets can do (bench/native/relay_floor.cc), run like any other program: what it costs is
// what the kernel costs.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onCore } from '../machine/cores.ts';
import type { CallEnds, CallPorts, MediaPeer, MediaPoint, MediaProgram } from './media-program.ts';

const HOST = '127.0.0.23';
const FIRST_PORT = 10_000;
const PROGRAM = fileURLToPath(new URL('../../build/bench/relay_floor', import.meta.url));

/** Without RTCP: nothing listens on its odd ports. */
export const relayFloor: MediaPeer = {
  name: 'floor',
  start: async ({ cores }) => {
    const [program, ...args] = onCore(cores.program, [PROGRAM]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const killed = (): void => void child.kill('SIGKILL');
    process.once('exit', killed);
    child.once('exit', () => process.off('exit', killed));
    await once(child, 'spawn');
    return new RelayFloor(child);
  },
};

class RelayFloor implements MediaProgram {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async openCalls(ends: readonly CallEnds[]): Promise<readonly CallPorts[]> {
    const calls = ends.map(({ a, b }, call) => {
      const forA = { host: HOST, port: FIRST_PORT + 4 * call };
      const forB = { host: HOST, port: FIRST_PORT + 4 * call + 2 };
      return { a, b, forA, forB };
    });
    const leg = (local: MediaPoint, remote: MediaPoint): string =>
      `${local.host} ${local.port} ${remote.host} ${remote.port}\n`;
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error('relay_floor has no pipes');
    stdin.end(calls.map(({ a, b, forA, forB }) => leg(forA, a) + leg(forB, b)).join(''));
    await Promise.race([
      once(stdout, 'data'),
      once(this.#child, 'exit').then(() => {
        throw new Error('relay_floor ended');
      }),
    ]);
    return calls.map(({ forA, forB }) => ({ forA, forB }));
  }

  relayTimes(): null {
    return null;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
