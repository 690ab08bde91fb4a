// Gateways that go down and come back, said in the log: an operator must learn of it before the carrier's customers call.
import type { Log, MonoMs } from '../base/index.ts';
import { neverReached } from '../base/index.ts';
import type { HealthInput, HealthOutput } from '../trunks/index.ts';
import { GatewayHealth } from '../trunks/index.ts';

/** Gateway health whose changes are logged, whoever caused them. */
export class WatchedHealth extends GatewayHealth {
  readonly #log: Log;

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  override handle(now: MonoMs, input: HealthInput): readonly HealthOutput[] {
    return this.#say(super.handle(now, input));
  }

  override handleDeadline(now: MonoMs): readonly HealthOutput[] {
    return this.#say(super.handleDeadline(now));
  }

  #say(outputs: readonly HealthOutput[]): readonly HealthOutput[] {
    for (const output of outputs) {
      const { kind, gateway } = output;
      switch (kind) {
        case 'gatewayDown':
          this.#log.warn({ gateway, backOffMs: output.backOffMs }, 'gateway is down');
          break;
        case 'gatewayResting':
          this.#log.warn({ gateway, restMs: output.restMs }, 'gateway asked for rest');
          break;
        case 'gatewayUp':
          this.#log.info({ gateway, onTrial: output.onTrial }, 'gateway takes calls again');
          break;
        default:
          neverReached(kind);
      }
    }
    return outputs;
  }
}
