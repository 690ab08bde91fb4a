// The life of a control process: start, reload, drain, stop. Works by the supervisor's words.
import type { CodedError, Result } from '../base/index.ts';
import { hostPortText, ok } from '../base/index.ts';
import type { Settings } from '../config/index.ts';
import { diffConfig, findingText, liveSettings, loadConfig, locatedText } from '../config/index.ts';
import type { Node } from './compose.ts';
import { composeNode } from './compose.ts';
import type { FromChild, MediaPlace } from './family.ts';
import type { ProcessLog } from './log.ts';

/** How often a drain looks whether the last call is gone, and how long the last BYEs may take to be answered. */
const DRAIN_LOOK_MS = 50;
const LAST_ANSWERS_MS = 5_000;

export interface ControlOptions {
  readonly settings: Settings;
  /** Where the settings came from, for people. */
  readonly file: string;
  /** The value of `--config`, which a reload reads again. */
  readonly configPath: string | null;
  readonly media: MediaPlace;
  readonly log: ProcessLog;
  readonly addonPath: string | null;
  /** News for the supervisor. */
  readonly tell: (message: FromChild) => void;
}

/** A control process at work. */
export class Control {
  readonly #options: ControlOptions;
  readonly #node: Node;
  #settings: Settings;
  #stopped: Promise<void> | null = null;
  #stopNow = false;

  private constructor(options: ControlOptions, node: Node) {
    this.#options = options;
    this.#node = node;
    this.#settings = options.settings;
  }

  /** Starts everything or nothing. Errors: those of composeNode. */
  static async start(options: ControlOptions): Promise<Result<Control, CodedError>> {
    const { tell } = options;
    const node = await composeNode({
      ...options,
      onMediaStuck: (region) => tell({ kind: 'mediaStuck', region }),
      onStopWanted: () => tell({ kind: 'stopWanted' }),
    });
    return node.ok ? ok(new Control(options, node.value)) : node;
  }

  /** What it listens on, for people. */
  describe(): readonly string[] {
    const { listen, media } = this.#settings;
    const { legsClosed } = this.#node.store.recovery;
    const warnings = this.#node.transport?.warnings ?? [];
    return [
      ...listen.sip.map(({ transport, bind }) => `SIP   ${transport}://${hostPortText(bind)}`),
      ...media.addresses.map(
        ({ bind, portMin, portMax }) => `RTP   ${bind} ports ${portMin}-${portMax}`,
      ),
      ...(listen.http === null ? [] : [`HTTP  http://${hostPortText(listen.http)}`]),
      ...(legsClosed === 0 ? [] : [`closed ${legsClosed} call records that a crash had left open`]),
      ...warnings.map((warning) => `warning: ${warning}`),
    ];
  }

  /** The media process was started again. */
  useMedia(place: MediaPlace): void {
    const { log } = this.#options;
    const attached = this.#node.media.attach(place);
    if (attached.ok) log.info({ region: place.region }, 'media process attached');
    // If that process died meanwhile, the supervisor sends the place of the next.
    else log.error({ code: attached.error.code, problem: attached.error.message }, 'no media');
  }

  /** Checks the configuration file again and applies what may change while calls are up: whole, or not at all. */
  reload(): void {
    const { log, configPath, tell } = this.#options;
    const loaded = loadConfig({ path: configPath });
    if (!loaded.ok) {
      for (const finding of loaded.error) {
        log.error({ finding: findingText(finding) }, 'configuration not applied');
      }
      return;
    }
    const { settings: wanted, warnings } = loaded.value;
    const live = liveSettings(this.#settings, wanted);
    const applied = this.#node.reload(live);
    if (!applied.ok) {
      const problem = locatedText(loaded.value, applied.error.message);
      log.error({ problem }, 'configuration not applied');
      return;
    }
    const changed = diffConfig(this.#settings, wanted);
    this.#settings = live;
    tell({ kind: 'applied', settings: live });
    log.setLevel(live.log.level);
    for (const finding of warnings) {
      log.warn({ finding: findingText(finding) }, 'configuration warning');
    }
    log.info({ applied: changed.live, afterRestart: changed.restart }, 'configuration applied');
  }

  /**
   * Drains: new calls get 503, those up end by themselves or at the limit, with BYE. `now` ends them at once, also when a
   * drain is under way. Resolves when all is flushed and closed.
   */
  stop(options: { readonly now: boolean }): Promise<void> {
    if (options.now) this.#stopNow = true;
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }

  async #drain(): Promise<void> {
    const { b2bua } = this.#node;
    const { log } = this.#options;
    this.#node.drain('stop');
    log.info({ calls: b2bua.callCount }, 'draining');
    const startedAt = performance.now();
    // Read at each look: a reload may change the limit while the drain waits.
    const timeIsLeft = (): boolean =>
      performance.now() - startedAt < this.#settings.limits.drainS * 1000;
    await waitWhile(() => b2bua.callCount > 0 && !this.#stopNow && timeIsLeft());
    if (b2bua.callCount > 0) {
      log.warn({ calls: b2bua.callCount }, 'ending the calls that are left');
      this.#node.command({ kind: 'hangupAll', cause: 'NODE_STOPPED' });
    }
    const endedAt = performance.now();
    await waitWhile(
      () =>
        (b2bua.callCount > 0 || b2bua.awaited > 0) && performance.now() - endedAt < LAST_ANSWERS_MS,
    );
    await this.#node.close();
    log.info({}, 'stopped');
  }
}

async function waitWhile(condition: () => boolean): Promise<void> {
  while (condition()) await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
}
