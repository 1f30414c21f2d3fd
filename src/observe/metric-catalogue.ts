/** One metric: its name in the exposition, what it means, and what it is broken down by. */
export interface MetricEntry {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** What one counts, for the reference page. */
  readonly unit: string;
  /** Upper bounds of a histogram's buckets, in its unit. */
  readonly buckets?: readonly number[];
}

/** Everything that is measured; docs/reference/metrics.md is made from it. */
export const METRICS = {
  captureChanges: {
    name: 'tidings_capture_changes_total',
    type: 'counter',
    help: 'Changes appended to the log and durable.',
    labels: ['source'],
    unit: 'changes',
  },
  captureTransactions: {
    name: 'tidings_capture_transactions_total',
    type: 'counter',
    help: 'Transactions appended to the log and durable.',
    labels: ['source'],
    unit: 'transactions',
  },
  captureReconnects: {
    name: 'tidings_capture_reconnects_total',
    type: 'counter',
    help: 'Times that capture had to connect to the database again.',
    labels: ['source'],
    unit: 'connections',
  },
  captureUnreadable: {
    name: 'tidings_capture_unreadable_values_total',
    type: 'counter',
    help: 'Values left out of the log because their bytes stand for no character of the database (SOURCE_VALUE_UNREADABLE).',
    labels: ['source'],
    unit: 'values',
  },
  captureFlush: {
    name: 'tidings_capture_flush_seconds',
    type: 'histogram',
    help: 'How long it took to make one batch durable.',
    labels: ['source'],
    unit: 'seconds',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
  captureState: {
    name: 'tidings_capture_state',
    type: 'gauge',
    help: '1 for the state that capture is in, 0 for the others.',
    labels: ['source', 'state'],
    unit: '0 or 1',
  },
  captureLagBytes: {
    name: 'tidings_capture_lag_bytes',
    type: 'gauge',
    help: "Between the database's newest position and what the log has acknowledged.",
    labels: ['source'],
    unit: 'bytes',
  },
  captureLagSeconds: {
    name: 'tidings_capture_lag_seconds',
    type: 'gauge',
    help: "Between the newest captured transaction's commit and its being durable in the log; while capture does not stream, since when. Compares the database's clock with this machine's.",
    labels: ['source'],
    unit: 'seconds',
  },
  captureLagRecords: {
    name: 'tidings_capture_lag_records',
    type: 'gauge',
    help: 'Records in the log that subscribers may not read yet, because the database does not show them yet.',
    labels: ['source'],
    unit: 'records',
  },
  sourceRetainedBytes: {
    name: 'tidings_source_retained_bytes',
    type: 'gauge',
    help: 'WAL that the database keeps because of this source.',
    labels: ['source'],
    unit: 'bytes',
  },
  sourceSafeBytes: {
    name: 'tidings_source_safe_bytes',
    type: 'gauge',
    help: 'WAL that may still be written before the database gives up the slot; +Inf when unlimited or not known.',
    labels: ['source'],
    unit: 'bytes',
  },
  logHead: {
    name: 'tidings_log_head_offset',
    type: 'gauge',
    help: 'The next offset of the log.',
    labels: ['source'],
    unit: 'offset',
  },
  logFloor: {
    name: 'tidings_log_floor_offset',
    type: 'gauge',
    help: 'The oldest retained offset of the log.',
    labels: ['source'],
    unit: 'offset',
  },
  logHorizon: {
    name: 'tidings_log_horizon_offset',
    type: 'gauge',
    help: 'How far subscribers may read: everything below is durable and visible on the database.',
    labels: ['source'],
    unit: 'offset',
  },
  logBytes: {
    name: 'tidings_log_bytes',
    type: 'gauge',
    help: 'Size of the log on disk.',
    labels: ['source'],
    unit: 'bytes',
  },
  logSegments: {
    name: 'tidings_log_segments',
    type: 'gauge',
    help: 'Segments of the log.',
    labels: ['source'],
    unit: 'segments',
  },
  dataFreeBytes: {
    name: 'tidings_data_free_bytes',
    type: 'gauge',
    help: 'Free space on the disk of the data directory.',
    labels: [],
    unit: 'bytes',
  },
  subscriptionLag: {
    name: 'tidings_subscription_lag_records',
    type: 'gauge',
    help: 'Records between the cursor and the head.',
    labels: ['subscription'],
    unit: 'records',
  },
  subscriptionLagBytes: {
    name: 'tidings_subscription_lag_bytes',
    type: 'gauge',
    help: "The log's bytes between the cursor and the head, estimated from the average size of a record.",
    labels: ['subscription'],
    unit: 'bytes',
  },
  subscriptionLagSeconds: {
    name: 'tidings_subscription_lag_seconds',
    type: 'gauge',
    help: 'Age of the oldest change at or after the cursor; 0 when there is none.',
    labels: ['subscription'],
    unit: 'seconds',
  },
  deliveryAttempts: {
    name: 'tidings_delivery_attempts_total',
    type: 'counter',
    help: 'Attempts by outcome: ack, retry, reject, gone, timeout or abort.',
    labels: ['subscription', 'outcome'],
    unit: 'attempts',
  },
  deliverySeconds: {
    name: 'tidings_delivery_seconds',
    type: 'histogram',
    help: 'How long one attempt took.',
    labels: ['subscription'],
    unit: 'seconds',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  deliveryInFlight: {
    name: 'tidings_delivery_in_flight',
    type: 'gauge',
    help: 'Attempts under way.',
    labels: ['subscription'],
    unit: 'attempts',
  },
  deliveryRetrying: {
    name: 'tidings_delivery_retrying',
    type: 'gauge',
    help: 'Changes that failed and wait for another attempt.',
    labels: ['subscription'],
    unit: 'changes',
  },
  deliveryBlocked: {
    name: 'tidings_delivery_blocked',
    type: 'gauge',
    help: 'Changes that wait for an earlier change of their row.',
    labels: ['subscription'],
    unit: 'changes',
  },
  deliveryParked: {
    name: 'tidings_delivery_parked',
    type: 'gauge',
    help: 'Changes that are not tried any more by themselves.',
    labels: ['subscription'],
    unit: 'changes',
  },
  deliveryStuck: {
    name: 'tidings_delivery_stuck',
    type: 'gauge',
    help: 'Attempts past their deadline whose handler has not returned yet.',
    labels: ['subscription'],
    unit: 'attempts',
  },
  processCpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time used, user and system.',
    labels: [],
    unit: 'seconds',
  },
  processMemory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    labels: [],
    unit: 'bytes',
  },
  processStart: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the process started, since 1970-01-01 UTC.',
    labels: [],
    unit: 'seconds',
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricKey = keyof typeof METRICS;
