import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { processMeasures } from './process-measures.ts';
import { type MetricEntry, type MetricKey, METRICS } from './metric-catalogue.ts';

type Labels<Key extends MetricKey> = {
  readonly [Name in (typeof METRICS)[Key]['labels'][number]]: string;
};

interface Counting {
  inc(by?: number): void;
}
interface Measuring {
  set(value: number): void;
}
interface Observing {
  observe(value: number): void;
}

type Values = { counter: Counting; gauge: Measuring; histogram: Observing };

/** A metric of the catalogue: `for` binds its labels; keep the result where it is used often. */
export interface Metric<Key extends MetricKey> {
  for(labels: Labels<Key>): Values[(typeof METRICS)[Key]['type']];
  /** Forgets the values of these labels, such as those of a subscription that is gone. */
  remove(labels: Labels<Key>): void;
}

/** Everything that is measured, by its key in the catalogue. */
export type Metrics = { readonly [Key in MetricKey]: Metric<Key> } & {
  /** Called before each exposition, to set what is only worth knowing then. */
  onCollect(collect: () => void | Promise<void>): void;
  /** The Prometheus text exposition, version 0.0.4. */
  text(): Promise<string>;
};

/** A new set of metrics, all zero, in a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const collectors: (() => void | Promise<void>)[] = [];
  const entries = Object.entries(METRICS).map(
    ([key, entry]) => [key, createMetric(entry, registry)] as const,
  );
  const metrics = Object.fromEntries(entries) as { readonly [Key in MetricKey]: Metric<Key> };
  const measureProcess = processMeasures(metrics);
  return Object.assign(metrics, {
    onCollect: (collect: () => void | Promise<void>) => void collectors.push(collect),
    text: async () => {
      measureProcess();
      for (const collect of collectors) await collect();
      return registry.metrics();
    },
  });
}

function createMetric(entry: MetricEntry, registry: Registry): object {
  const { name, help, labels } = entry;
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  const metric = newMetric(entry, common);
  // Without labels there is one value, and prom-client gives it out by the metric itself.
  const bind =
    labels.length === 0 ? () => metric : (values: object) => metric.labels({ ...values });
  return { for: bind, remove: (values: object) => metric.remove({ ...values }) };
}

function newMetric(
  entry: MetricEntry,
  common: { name: string; help: string; labelNames: string[]; registers: Registry[] },
): Counter | Gauge | Histogram {
  if (entry.type === 'counter') return new Counter(common);
  if (entry.type === 'gauge') return new Gauge(common);
  return new Histogram({ ...common, buckets: [...(entry.buckets ?? [])] });
}
