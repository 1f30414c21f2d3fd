import type { MetricKey } from '../../src/observe/metric-catalogue.ts';

/** From this value on a panel is orange, and from that on red. With `below` it is the other way. */
export interface Thresholds {
  readonly warn: number;
  readonly bad: number;
  readonly below?: boolean;
}

/** How one metric is shown. */
export interface PanelShape {
  readonly row: string;
  readonly title: string;
  readonly thresholds?: Thresholds;
  /** Metrics that are drawn in the same panel. */
  readonly and?: readonly MetricKey[];
}

const CAPTURE = 'Capture';
const LOG = 'Log';
const SUBSCRIPTIONS = 'Subscriptions';
const DELIVERY = 'Delivery';
const PROCESS = 'Process';

/**
 * Every metric of the catalogue has a place here, in the order of the dashboard: a panel of its own,
 * or null when it is drawn in another one's.
 */
export const PANELS: Readonly<Record<MetricKey, PanelShape | null>> = {
  captureState: { row: CAPTURE, title: 'State' },
  captureLagSeconds: { row: CAPTURE, title: 'Lag', thresholds: { warn: 30, bad: 300 } },
  captureLagBytes: { row: CAPTURE, title: 'Lag in bytes' },
  captureLagRecords: { row: CAPTURE, title: 'Waiting until the database shows it' },
  captureChanges: { row: CAPTURE, title: 'Changes' },
  captureTransactions: { row: CAPTURE, title: 'Transactions' },
  captureFlush: { row: CAPTURE, title: 'Flush', thresholds: { warn: 0.1, bad: 1 } },
  captureReconnects: { row: CAPTURE, title: 'Reconnects' },
  captureUnreadable: { row: CAPTURE, title: 'Values left out', and: ['captureLeftOut'] },
  captureLeftOut: null,
  sourceRetainedBytes: { row: CAPTURE, title: 'WAL kept by the database' },
  sourceSafeBytes: {
    row: CAPTURE,
    title: 'WAL until the slot is lost',
    thresholds: { warn: 2e9, bad: 5e8, below: true },
  },
  logHead: { row: LOG, title: 'Offsets', and: ['logFloor', 'logHorizon'] },
  logFloor: null,
  logHorizon: null,
  logBytes: { row: LOG, title: 'Size', and: ['logHeldBytes'] },
  logHeldBytes: null,
  logSegments: { row: LOG, title: 'Segments' },
  logKept: { row: LOG, title: 'Records kept aside' },
  dataFreeBytes: {
    row: LOG,
    title: 'Free space',
    thresholds: { warn: 5e9, bad: 1e9, below: true },
  },
  subscriptionLagSeconds: {
    row: SUBSCRIPTIONS,
    title: 'Lag',
    thresholds: { warn: 60, bad: 300 },
  },
  subscriptionLag: { row: SUBSCRIPTIONS, title: 'Lag in records' },
  subscriptionLagBytes: { row: SUBSCRIPTIONS, title: 'Lag in bytes' },
  subscriptionCatchUp: { row: SUBSCRIPTIONS, title: 'Until it has caught up' },
  deliveryAttempts: { row: DELIVERY, title: 'Attempts' },
  deliverySeconds: { row: DELIVERY, title: 'Attempt', thresholds: { warn: 1, bad: 10 } },
  deliveryInFlight: { row: DELIVERY, title: 'In flight' },
  deliveryRetrying: { row: DELIVERY, title: 'Retrying', thresholds: { warn: 1, bad: 100 } },
  deliveryBlocked: { row: DELIVERY, title: 'Blocked' },
  deliveryParked: { row: DELIVERY, title: 'Parked', thresholds: { warn: 1, bad: 1 } },
  deliveryStuck: { row: DELIVERY, title: 'Stuck', thresholds: { warn: 1, bad: 1 } },
  processCpu: { row: PROCESS, title: 'Processor', thresholds: { warn: 0.8, bad: 1.5 } },
  processMemory: {
    row: PROCESS,
    title: 'Memory',
    and: ['processHeapTotal', 'processHeapUsed', 'processExternal'],
  },
  processHeapUsed: null,
  processHeapTotal: null,
  processExternal: null,
  eventLoopDelay: { row: PROCESS, title: 'Event loop: delay', thresholds: { warn: 0.5, bad: 5 } },
  eventLoopBusy: { row: PROCESS, title: 'Event loop: busy', thresholds: { warn: 0.8, bad: 0.95 } },
  processDescriptors: { row: PROCESS, title: 'Descriptors', and: ['processMaxDescriptors'] },
  processMaxDescriptors: null,
  processStart: { row: PROCESS, title: 'Up' },
};
