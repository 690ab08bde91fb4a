// The life of a control process: start, reload, drain, stop. Works by the supervisor's words.
import type { CodedError, Result } from '../base/index.ts';
import { err, hostPortText, ok } from '../base/index.ts';
import type { Settings } from '../config/index.ts';
import { diffConfig, findingText, liveSettings, loadConfig } from '../config/index.ts';
import type { ComposeOptions, Node } from './compose.ts';
import { composeNode } from './compose.ts';
import type { MediaPlace } from './family.ts';
import type { HttpServer } from './http.ts';
import { openHttp } from './http.ts';
import type { ProcessLog } from './log.ts';
import { addReadings } from './readings.ts';

/** How often a drain looks whether the last call is gone, and how long the last BYEs may take to be answered. */
const DRAIN_LOOK_MS = 50;
const LAST_ANSWERS_MS = 5_000;

export interface ControlOptions extends ComposeOptions {
  readonly configPath: string | null;
  readonly log: ProcessLog;
}

export class Control {
  readonly #options: ControlOptions;
  readonly #node: Node;
  readonly #http: HttpServer | null;
  #settings: Settings;
  #stopping: Promise<void> | null = null;
  #stopNow = false;

  private constructor(options: ControlOptions, node: Node, http: HttpServer | null) {
    this.#options = options;
    this.#node = node;
    this.#http = http;
    this.#settings = options.settings;
  }

  /** Starts everything or nothing. Errors: those of composeNode, and ADDRESS_IN_USE of the HTTP address. */
  static async start(options: ControlOptions): Promise<Result<Control, CodedError>> {
    const node = await composeNode(options);
    if (!node.ok) return node;
    addReadings(node.value);
    const { http } = options.settings.listen;
    if (http === null) return ok(new Control(options, node.value, null));
    const server = await openHttp(node.value, http, options.log);
    if (!server.ok) {
      await node.value.close();
      return err(server.error);
    }
    return ok(new Control(options, node.value, server.value));
  }

  /** What it listens on, for people. */
  describe(): readonly string[] {
    const { listen, media } = this.#settings;
    const { recovery } = this.#node.store;
    return [
      ...listen.sip.map(({ transport, bind }) => `SIP   ${transport}://${hostPortText(bind)}`),
      ...media.addresses.map(({ bind, portMin, portMax }) => `RTP   ${bind} ports ${portMin}-${portMax}`),
      ...(listen.http === null ? [] : [`HTTP  http://${hostPortText(listen.http)}`]),
      ...(recovery.legsClosed === 0 ? [] : [`closed ${recovery.legsClosed} call records that a crash had left open`]),
      ...this.#node.transport.warnings.map((warning) => `warning: ${warning}`),
    ];
  }

  /** The media process was started again. */
  useMedia(place: MediaPlace): void {
    const attached = this.#node.media.attach(place);
    if (!attached.ok) this.#options.log.error({ code: attached.error.code }, attached.error.message);
  }

  /** Checks the configuration file again and applies what may change while calls are up: whole, or not at all. */
  reload(): void {
    const { log, configPath } = this.#options;
    const loaded = loadConfig({ path: configPath });
    if (!loaded.ok) {
      for (const finding of loaded.error) log.error({ finding: findingText(finding) }, 'configuration not applied');
      return;
    }
    const next = loaded.value.settings;
    const changed = diffConfig(this.#settings, next);
    const live = liveSettings(this.#settings, next);
    const applied = this.#node.reload(live);
    if (!applied.ok) {
      log.error({ problem: applied.error.message }, 'configuration not applied');
      return;
    }
    this.#settings = live;
    log.setLevel(live.log.level);
    log.info({ applied: changed.live, afterRestart: changed.restart }, 'configuration applied');
  }

  /** Drains: new calls get 503, those up end by themselves or at the limit. `now` ends them at once. Resolves when all is flushed. */
  stop(options: { readonly now: boolean }): Promise<void> {
    if (options.now) this.#stopNow = true;
    this.#node.command({ kind: 'drain', on: true });
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    const { b2bua } = this.#node;
    const { log } = this.#options;
    log.info({ calls: b2bua.callCount }, 'draining');
    const limitAt = performance.now() + this.#settings.limits.drainS * 1000;
    while (b2bua.callCount > 0 && !this.#stopNow && performance.now() < limitAt) await pause(DRAIN_LOOK_MS);
    if (b2bua.callCount > 0) {
      log.warn({ calls: b2bua.callCount }, 'ending the calls that are left');
      this.#node.command({ kind: 'hangupAll', cause: 'NODE_STOPPED' });
    }
    const answersAt = performance.now() + LAST_ANSWERS_MS;
    const waiting = (): boolean => b2bua.callCount > 0 || b2bua.held.txns > 0;
    while (waiting() && performance.now() < answersAt) await pause(DRAIN_LOOK_MS);
    await this.#http?.close();
    await this.#node.close();
    log.info({}, 'stopped');
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
