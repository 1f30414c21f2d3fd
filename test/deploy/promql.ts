import { parser } from '@prometheus-io/lezer-promql';
import { METRICS, type MetricEntry } from '../../src/observe/metric-catalogue.ts';

const SERIES = new Map(
  Object.values<MetricEntry>(METRICS).flatMap((entry) => {
    const suffixes = entry.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    const more = entry.type === 'histogram' ? ['le'] : [];
    return suffixes.map((suffix) => [entry.name + suffix, [...entry.labels, ...more]] as const);
  }),
);

/** Labels that Prometheus gives to what it scrapes. */
const SCRAPED = ['job', 'instance'];

/** What is wrong with an expression: its syntax, or a name that no metric has. */
export function problemsOf(expression: string): readonly string[] {
  const problems: string[] = [];
  const labels = new Set(SCRAPED);
  const used: string[] = [];
  parser.parse(expression).iterate({
    enter({ type, from, to, node }) {
      const text = expression.slice(from, to);
      if (type.isError) problems.push(`syntax at ${from}`);
      if (type.name === 'VectorSelector') {
        const name = node.firstChild;
        const series = name === null ? '' : expression.slice(name.from, name.to);
        const known = series === 'up' ? [] : SERIES.get(series);
        if (known === undefined) problems.push(`no metric ${series}`);
        for (const label of known ?? []) labels.add(label);
      }
      if (type.name === 'LabelName') used.push(text);
    },
  });
  const strange = used.filter((label) => !labels.has(label));
  return [...problems, ...strange.map((label) => `no label ${label}`)];
}

/** Grafana's variables as Prometheus gets them. */
export function withVariables(expression: string): string {
  return expression.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*');
}
