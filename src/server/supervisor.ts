// The parent of the process tree: no work of its own. It starts media and control, starts again what dies, and passes on
// signals. A child that keeps dying at once ends the whole, rather than looping for ever.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from '../base/index.ts';
import type { Settings } from '../config/index.ts';
import type { FromChild, MediaPlace, ToControl, ToMedia } from './family.ts';
import { hostConfigOf } from './media-host.ts';

/** More deaths than this within the window, and the tree gives up. */
const DEATHS_MAX = 5;
const DEATHS_WINDOW_MS = 30_000;
/** A stopped child that is still there after this long is killed. */
const STOP_LIMIT_MS = 10_000;

export interface SupervisorOptions {
  readonly settings: Settings;
  readonly configPath: string | null;
  readonly log: Log;
  /** Told what to print once everything listens. */
  readonly onReady: (lines: readonly string[]) => void;
  readonly onFailed: (message: string) => void;
}

type ChildName = 'media' | 'control';

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #runDir: string;
  readonly #deaths: number[] = [];
  #media: ChildProcess | null = null;
  #control: ChildProcess | null = null;
  #place: MediaPlace | null = null;
  #stopping = false;
  #stopAsked = 0;
  #exitCode = 0;
  #announced = false;
  readonly #done: (exitCode: number) => void;
  /** Resolves with the exit status once both children are gone. */
  readonly finished: Promise<number>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#runDir = mkdtempSync(join(tmpdir(), 'trunkyard-'));
    let done: (exitCode: number) => void = () => undefined;
    this.finished = new Promise((resolve) => {
      done = resolve;
    });
    this.#done = done;
  }

  start(): void {
    this.#startMedia();
  }

  /** SIGHUP: control checks and applies the configuration again, whole or not at all. */
  reload(): void {
    this.#tellControl({ kind: 'reload' });
  }

  /** First call drains, a second ends the calls at once, a third kills. */
  stop(): void {
    this.#stopAsked += 1;
    this.#stopping = true;
    if (this.#control === null) this.#stopMedia();
    else if (this.#stopAsked <= 2) this.#tellControl({ kind: 'stop', now: this.#stopAsked === 2 });
    else this.#control.kill('SIGKILL');
  }

  #startMedia(): void {
    const place = { region: `trunkyard-${randomBytes(12).toString('hex')}`, runDir: this.#runDir };
    const child = this.#fork('media');
    this.#media = child;
    child.on('message', (message) => {
      const told = message as FromChild;
      if (told.kind === 'failed') {
        this.#fail(told);
        return;
      }
      this.#place = place;
      if (this.#control === null) this.#startControl(place);
      else this.#tellControl({ kind: 'media', media: place });
    });
    child.on('exit', (code, signal) => {
      this.#media = null;
      this.#place = null;
      this.#onDeath('media', code, signal);
    });
    child.send({ kind: 'start', host: hostConfigOf(this.#options.settings, place) } satisfies ToMedia);
  }

  #startControl(media: MediaPlace): void {
    const child = this.#fork('control');
    this.#control = child;
    child.on('message', (message) => {
      const told = message as FromChild;
      if (told.kind === 'failed') this.#fail(told);
      else if (!this.#announced) {
        this.#announced = true;
        this.#options.onReady(told.lines);
      }
    });
    child.on('exit', (code, signal) => {
      this.#control = null;
      this.#onDeath('control', code, signal);
    });
    child.send({ kind: 'start', configPath: this.#options.configPath, media } satisfies ToControl);
  }

  #fork(name: ChildName): ChildProcess {
    // The same file ending as this one: .ts under a loader in development, .js when built.
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    return fork(fileURLToPath(new URL(`./${name}-main.${ending}`, import.meta.url)), { stdio: 'inherit' });
  }

  #tellControl(message: ToControl): void {
    if (this.#control?.connected === true) this.#control.send(message);
  }

  #fail(told: Extract<FromChild, { kind: 'failed' }>): void {
    this.#stopping = true;
    this.#exitCode = told.exitCode;
    this.#options.onFailed(told.message);
  }

  #onDeath(name: ChildName, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#stopping) {
      if (name === 'control') {
        if (this.#exitCode === 0 && code !== 0) this.#exitCode = code ?? 1;
        this.#stopMedia();
      } else if (this.#control === null) this.#finish();
      return;
    }
    if (!this.#announced) {
      this.#giveUp(`${name} could not start (status ${code ?? signal ?? 'unknown'})`);
      return;
    }
    if (this.#tooManyDeaths()) {
      this.#giveUp(`${name} ended ${DEATHS_MAX} times within ${DEATHS_WINDOW_MS / 1000} s, giving up`);
      return;
    }
    this.#options.log.error({ child: name, code, signal }, 'child ended, starting it again');
    if (name === 'media') this.#startMedia();
    else if (this.#place !== null) this.#startControl(this.#place);
  }

  #giveUp(message: string): void {
    this.#fail({ kind: 'failed', exitCode: 1, message });
    if (this.#control !== null) this.#tellControl({ kind: 'stop', now: true });
    else this.#stopMedia();
  }

  #tooManyDeaths(): boolean {
    const now = performance.now();
    this.#deaths.push(now);
    while ((this.#deaths[0] ?? now) < now - DEATHS_WINDOW_MS) this.#deaths.shift();
    return this.#deaths.length >= DEATHS_MAX;
  }

  #stopMedia(): void {
    const media = this.#media;
    if (media === null) {
      this.#finish();
      return;
    }
    if (media.connected) media.send({ kind: 'stop' } satisfies ToMedia);
    setTimeout(() => media.kill('SIGKILL'), STOP_LIMIT_MS).unref();
  }

  #finish(): void {
    rmSync(this.#runDir, { recursive: true, force: true });
    this.#done(this.#exitCode);
  }
}
