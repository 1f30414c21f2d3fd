import type { DeliveryObserver } from '../delivery/observer.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { AttemptError } from '../sink/sink.ts';

/** Without the answer: what a receiver says may be about people. */
function shown({ code, message, stack }: AttemptError): object {
  return { code, message, stack };
}

/** Tells logger and metrics what delivery does. */
export function deliveryObserver(logger: Logger, metrics: Metrics): DeliveryObserver {
  return {
    attempt: (subscription, outcome, seconds) => {
      metrics.deliveryAttempts.for({ subscription, outcome }).inc(1);
      metrics.deliverySeconds.for({ subscription }).observe(seconds);
    },
    failing: (subscription, offset, error) =>
      logger.warn('An endpoint has begun to fail', { subscription, offset, error: shown(error) }),
    recovered: (subscription, { failures, lasted }) =>
      logger.info('An endpoint takes changes again', {
        subscription,
        failures,
        seconds: Math.round(lasted / 100) / 10,
      }),
    parked: (subscription, offset, error) =>
      logger.error('A change was parked', { subscription, offset, error: shown(error) }),
    discarded: (subscription, offset, reason) =>
      logger.warn('A change was discarded', { subscription, offset, reason }),
    lost: (subscription, from, to) =>
      logger.error('Retention removed records that a subscription had not read', {
        subscription,
        from,
        to,
      }),
    missingColumns: (subscription, table, columns) =>
      logger.warn('A subscription names columns that the table does not have', {
        subscription,
        table,
        columns,
      }),
    checkpoint: () => undefined,
    failure: (subscription, error) =>
      logger.warn('Delivery met a failure', { subscription, error }),
  };
}
