import type { DeliveryObserver } from '../delivery/observer.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';

/** Tells logger and metrics what delivery does. */
export function deliveryObserver(logger: Logger, metrics: Metrics): DeliveryObserver {
  return {
    attempt: (subscription, outcome, seconds) => {
      metrics.deliveryAttempts.for({ subscription, outcome }).inc(1);
      metrics.deliverySeconds.for({ subscription }).observe(seconds);
    },
    parked: (subscription, offset, { code, message }) =>
      logger.error('A change was parked', { subscription, offset, code, reason: message }),
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
