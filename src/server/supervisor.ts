// The parent of the process tree: no work of its own. It starts media and control, starts again what dies, and passes on
// signals. A child that keeps dying at once ends the whole, rather than looping for ever.
//
//   starting --(control is ready)--> running --(signal, too many deaths)--> stopping --(both children gone)--> finished
//      +-----------(a child fails, ends or hangs, signal)------------------^
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Log } from '../base/index.ts';
import { neverReached } from '../base/index.ts';
import type { Settings } from '../config/index.ts';
import type { FromChild, MediaPlace, ToControl, ToMedia } from './family.ts';
import { hostConfigOf } from './media-host.ts';
import type { RunDir } from './run-dir.ts';
import { REGION_CHANCE_BYTES } from './run-dir.ts';

/** So many deaths within the window, and the tree gives up. */
const DEATHS_MAX = 5;
const DEATHS_WINDOW_MS = 30_000;
/** A child told to end at once that is still there after this long is killed. */
const STOP_LIMIT_MS = 10_000;
/** The same for a child that isn't up yet: it has no call to end and no fact to write. */
const STOP_LIMIT_STARTING_MS = 3_000;
/** A start that takes longer is spoken of: an operator in front of a silent screen would guess. */
const SLOW_START_MS = 10_000;

/** What a supervisor is made from. */
export interface SupervisorOptions {
  readonly settings: Settings;
  /** Where the settings came from, for messages. */
  readonly file: string;
  /** The value of `--config`, for reloads. */
  readonly configPath: string | null;
  /** Closed by the supervisor at its end. */
  readonly runDir: RunDir;
  readonly log: Log;
  /** A child that isn't up by then hangs, on a disk that doesn't answer for example, and is ended. */
  readonly startLimitMs: number;
  /** Told what to print once everything listens. */
  readonly onReady: (lines: readonly string[]) => void;
  /** Told once why the tree ends by itself. */
  readonly onFailed: (message: string) => void;
}

type ChildName = 'media' | 'control';
type Phase = 'starting' | 'running' | 'stopping';

/** Runs the tree; `finished` is its end. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #deaths: number[] = [];
  /** As control applied them last. */
  #settings: Settings;
  #phase: Phase = 'starting';
  #media: ChildProcess | null = null;
  #control: ChildProcess | null = null;
  /** Control has come up; words sent to it before wait until it has, which may be never. */
  #controlIsUp = false;
  /** Where the media process is; null until it's ready. */
  #place: MediaPlace | null = null;
  #stopsAsked = 0;
  #exitCode = 0;
  readonly #done: (exitCode: number) => void;
  /** Resolves with the exit status once both children are gone. */
  readonly finished: Promise<number>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    let done: (exitCode: number) => void = () => undefined;
    this.finished = new Promise((resolve) => {
      done = resolve;
    });
    this.#done = done;
  }

  /** Starts media, then control. Call once. */
  start(): void {
    this.#startMedia();
  }

  /** SIGHUP: control checks and applies the configuration again, whole or not at all. */
  reload(): void {
    this.#tellControl({ kind: 'reload' });
  }

  /** First call drains, a second ends the calls at once, a third kills. */
  stop(): void {
    this.#stopsAsked += 1;
    this.#phase = 'stopping';
    if (this.#stopsAsked > 2) (this.#control ?? this.#media)?.kill('SIGKILL');
    else if (this.#control === null) this.#stopMedia();
    else {
      this.#tellControl({ kind: 'stop', now: this.#stopsAsked === 2 });
      if (!this.#controlIsUp) killLater(this.#control, STOP_LIMIT_STARTING_MS);
    }
  }

  #startMedia(): void {
    const { runDir } = this.#options;
    const chance = randomBytes(REGION_CHANCE_BYTES).toString('hex');
    const place = { region: `trunkyard-${chance}`, runDir: runDir.path };
    const child = this.#fork('media', () => {
      this.#media = null;
      this.#place = null;
      runDir.forget(place.region);
    });
    this.#media = child;
    child.on('message', (message) => {
      this.#onMessage('media', message as FromChild, (lines) => {
        for (const line of lines) this.#options.log.info({ child: 'media' }, line);
        this.#onMediaReady(place);
      });
    });
    tell(child, { kind: 'start', host: hostConfigOf(this.#settings, place) });
  }

  #onMediaReady(place: MediaPlace): void {
    if (this.#phase === 'stopping') return;
    this.#place = place;
    if (this.#control === null) this.#startControl(place);
    else this.#tellControl({ kind: 'media', media: place });
  }

  #startControl(media: MediaPlace): void {
    const { file, configPath } = this.#options;
    const child = this.#fork('control', () => {
      this.#control = null;
    });
    this.#control = child;
    this.#controlIsUp = false;
    child.on('message', (message) => {
      this.#onMessage('control', message as FromChild, (lines) => {
        this.#controlIsUp = true;
        if (this.#phase !== 'starting') return;
        this.#phase = 'running';
        this.#options.onReady(lines);
      });
    });
    tell(child, { kind: 'start', settings: this.#settings, file, configPath, media });
  }

  /** @param onGone runs first at the child's end, whether it ended or never began. */
  #fork(name: ChildName, onGone: () => void): ChildProcess {
    // The same file ending as this one: .ts under a loader in development, .js when built.
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const path = fileURLToPath(new URL(`./${name}-main.${ending}`, import.meta.url));
    const child = fork(path, { stdio: 'inherit' });
    const stopWatching = this.#watchStart(name, child);
    // What a child says first is that it is up, or that it can't be.
    child.once('message', stopWatching);
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      stopWatching();
      onGone();
      this.#onDeath(name, code, signal);
    };
    child.on('exit', gone);
    child.on('error', (error) => {
      this.#options.log.error({ child: name, problem: error.message }, 'child process trouble');
      // A process that could not be made has no end to wait for.
      if (child.pid === undefined) gone(null, null);
    });
    return child;
  }

  #tellControl(message: ToControl): void {
    if (this.#control !== null) tell(this.#control, message);
  }

  #onMessage(
    name: ChildName,
    message: FromChild,
    onReady: (lines: readonly string[]) => void,
  ): void {
    switch (message.kind) {
      case 'ready':
        onReady(message.lines);
        break;
      case 'applied':
        this.#settings = message.settings;
        break;
      case 'mediaStuck':
        // The word may have been under way while that process died and was replaced.
        if (message.region === this.#place?.region) this.#media?.kill('SIGKILL');
        break;
      case 'stopWanted':
        // Asked again it must not become the second stop, which would end the calls.
        if (this.#phase === 'running') this.stop();
        break;
      case 'failed':
        if (this.#phase === 'starting') this.#giveUp(message);
        // Once the tree was up, a failure is a death like any other, and may heal at the next try.
        else this.#options.log.error({ child: name, problem: message.message }, 'child failed');
        break;
      default:
        neverReached(message);
    }
  }

  /** @returns what ends the watch. */
  #watchStart(name: ChildName, child: ChildProcess): () => void {
    const { log, startLimitMs } = this.#options;
    const hint = name === 'control' ? `; it may wait for ${this.#settings.store.url}` : '';
    const problem = (afterMs: number): string =>
      `${name} is not up after ${afterMs / 1000} s${hint}`;
    const slow = setTimeout(() => {
      log.warn({ child: name, problem: problem(SLOW_START_MS) }, 'child is slow to start');
    }, SLOW_START_MS);
    const late = setTimeout(() => {
      const message = problem(startLimitMs);
      if (this.#phase === 'starting') this.#giveUp({ exitCode: 1, message });
      else log.error({ child: name, problem: message }, 'child hangs at its start');
      child.kill('SIGKILL');
    }, startLimitMs);
    return () => {
      clearTimeout(slow);
      clearTimeout(late);
    };
  }

  #onDeath(name: ChildName, code: number | null, signal: NodeJS.Signals | null): void {
    switch (this.#phase) {
      case 'stopping':
        if (name === 'control' && this.#exitCode === 0) this.#exitCode = code ?? 1;
        if (this.#control === null) this.#stopMedia();
        break;
      case 'starting':
        this.#giveUp({
          exitCode: 1,
          message: `${name} could not start (status ${code ?? signal ?? 'unknown'})`,
        });
        break;
      case 'running':
        if (this.#tooManyDeaths()) {
          const often = `${DEATHS_MAX} times within ${DEATHS_WINDOW_MS / 1000} s`;
          const message = `child processes ended ${often} (the last was ${name}), giving up`;
          this.#giveUp({ exitCode: 1, message });
          break;
        }
        this.#options.log.error({ child: name, code, signal }, 'child ended, starting it again');
        if (name === 'media') this.#startMedia();
        // Without media it waits: control is started as soon as media is ready.
        else if (this.#place !== null) this.#startControl(this.#place);
        break;
      default:
        neverReached(this.#phase);
    }
  }

  /** Ends the whole because of a failure; a child that told of its own failure ends by itself. */
  #giveUp({ exitCode, message }: { readonly exitCode: number; readonly message: string }): void {
    this.#phase = 'stopping';
    this.#exitCode = exitCode;
    this.#options.onFailed(message);
    if (this.#control === null) {
      this.#stopMedia();
      return;
    }
    this.#tellControl({ kind: 'stop', now: true });
    killLater(this.#control, STOP_LIMIT_MS);
  }

  #tooManyDeaths(): boolean {
    const now = performance.now();
    this.#deaths.push(now);
    while ((this.#deaths[0] ?? now) < now - DEATHS_WINDOW_MS) this.#deaths.shift();
    return this.#deaths.length >= DEATHS_MAX;
  }

  // The last step of every end: media goes after control, and when it's gone nothing is left.
  #stopMedia(): void {
    if (this.#media === null) {
      this.#options.runDir.close();
      this.#done(this.#exitCode);
      return;
    }
    tell(this.#media, { kind: 'stop' });
    killLater(this.#media, STOP_LIMIT_MS);
  }
}

/** A child whose channel is gone is ending: its `exit` event says the rest. */
function tell(child: ChildProcess, message: ToMedia | ToControl): void {
  if (child.connected) child.send(message, () => undefined);
}

function killLater(child: ChildProcess, delayMs: number): void {
  setTimeout(() => child.kill('SIGKILL'), delayMs).unref();
}
