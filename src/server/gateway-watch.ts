// Gateways that go down and come back, said in the log: an operator must learn of it before the carrier's customers call.
import type { Log } from '../base/index.ts';
import { neverReached } from '../base/index.ts';
import type { HealthOutput } from '../trunks/index.ts';

/** Logs one change of a gateway's health. */
export function logGateway(log: Log, news: HealthOutput): void {
  const { gateway } = news;
  switch (news.kind) {
    case 'gatewayDown':
      log.warn({ gateway, backOffMs: news.backOffMs }, 'gateway is down');
      break;
    case 'gatewayResting':
      log.warn({ gateway, restMs: news.restMs }, 'gateway asked for rest');
      break;
    case 'gatewayUp':
      log.info({ gateway, onTrial: news.onTrial }, 'gateway takes calls again');
      break;
    default:
      neverReached(news);
  }
}
