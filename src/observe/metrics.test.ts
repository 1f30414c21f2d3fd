import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetricEntry, METRICS } from './metric-catalogue.ts';
import { createMetrics } from './metrics.ts';

test('values by their labels, in the text exposition', async () => {
  const metrics = createMetrics();
  const changes = metrics.captureChanges.for({ source: 'main' });
  changes.inc();
  changes.inc(4);
  metrics.logHead.for({ source: 'main' }).set(123);
  metrics.deliverySeconds.for({ subscription: 'crm' }).observe(0.3);
  metrics.deliveryAttempts.for({ subscription: 'crm', outcome: 'ack' }).inc();
  const lines = (await metrics.text()).split('\n');
  for (const line of [
    '# HELP tidings_capture_changes_total Changes appended to the log and durable.',
    '# TYPE tidings_capture_changes_total counter',
    'tidings_capture_changes_total{source="main"} 5',
    'tidings_log_head_offset{source="main"} 123',
    'tidings_delivery_seconds_bucket{le="0.25",subscription="crm"} 0',
    'tidings_delivery_seconds_bucket{le="0.5",subscription="crm"} 1',
    'tidings_delivery_attempts_total{subscription="crm",outcome="ack"} 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('labels that are gone are not told any more', async () => {
  const metrics = createMetrics();
  metrics.deliveryParked.for({ subscription: 'crm' }).set(1);
  metrics.deliveryParked.for({ subscription: 'mail' }).set(2);
  metrics.deliveryParked.remove({ subscription: 'crm' });
  const text = await metrics.text();
  assert.ok(!text.includes('subscription="crm"'));
  assert.ok(text.includes('tidings_delivery_parked{subscription="mail"} 2'));
});

test('what is only worth knowing when somebody asks is set then', async () => {
  const metrics = createMetrics();
  let asked = 0;
  metrics.onCollect(async () => {
    await Promise.resolve();
    asked += 1;
    metrics.dataFreeBytes.for({}).set(asked);
  });
  await metrics.text();
  assert.match(await metrics.text(), /^tidings_data_free_bytes 2$/m);
});

test('two sets do not meet, and the process tells of itself', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.captureChanges.for({ source: 'main' }).inc();
  assert.ok(!(await other.text()).includes('source="main"'));
  const text = await other.text();
  for (const name of ['cpu_seconds_total', 'resident_memory_bytes', 'start_time_seconds']) {
    const [, value] = new RegExp(`^process_${name} (\\S+)$`, 'm').exec(text) ?? [];
    assert.ok(Number(value) > 0, name);
  }
});

test('names follow the conventions: a prefix, counters end with _total, base units', () => {
  const entries: readonly MetricEntry[] = Object.values(METRICS);
  for (const { name, type, unit, buckets } of entries) {
    assert.match(name, /^(tidings|process)_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    if (unit === 'seconds') assert.match(name, /_seconds(_total)?$/);
    if (unit === 'bytes') assert.match(name, /_bytes$/);
    assert.equal(buckets !== undefined, type === 'histogram', name);
  }
  assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
});

test('the process: heap, event loop, descriptors', async () => {
  const metrics = createMetrics();
  const value = (text: string, name: string): number =>
    Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  // Sampling begins with the first question.
  await metrics.text();
  const until = performance.now() + 300;
  await new Promise((resolve) => setTimeout(resolve, 150));
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const text = await metrics.text();
  assert.ok(value(text, 'process_heap_used_bytes') > 1e6);
  assert.ok(value(text, 'process_heap_total_bytes') >= value(text, 'process_heap_used_bytes'));
  assert.ok(value(text, 'process_external_bytes') > 0);
  assert.ok(value(text, 'process_event_loop_delay_seconds') > 0.02);
  assert.ok(value(text, 'process_event_loop_utilization') > 0.1);
  if (process.platform !== 'linux') return;
  const open = value(text, 'process_open_fds');
  assert.ok(open > 2 && open < value(text, 'process_max_fds'), String(open));
});
