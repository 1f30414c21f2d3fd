import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { METRICS } from '../../src/observe/metric-catalogue.ts';
import { ROOT } from './dockerfile.ts';
import { problemsOf, withVariables } from './promql.ts';

interface DashboardFile {
  readonly panels: readonly {
    readonly type: string;
    readonly title: string;
    readonly id: number;
    readonly gridPos: {
      readonly h: number;
      readonly w: number;
      readonly x: number;
      readonly y: number;
    };
    readonly datasource?: { readonly uid: string };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: { readonly severity: string };
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

const read = (name: string): string => readFileSync(join(ROOT, 'deploy', name), 'utf8');
const dashboard = JSON.parse(read('grafana-dashboard.json')) as DashboardFile;
const rules = (parse(read('prometheus-rules.yaml')) as Rules).groups.flatMap(({ rules }) => rules);

test('the parser finds what is wrong', () => {
  assert.deepEqual(problemsOf('sum by (source) (rate(tidings_capture_changes_total[5m]))'), []);
  assert.match(problemsOf('rate(tidings_capture_changes_total[5m]').join(), /syntax/);
  assert.match(problemsOf('tidings_capture_change_total > 0').join(), /no metric/);
  assert.match(problemsOf('tidings_capture_changes_total{sauce="x"}').join(), /no label sauce/);
  assert.match(problemsOf('tidings_delivery_seconds').join(), /no metric/, 'a histogram by itself');
});

test('every panel of the dashboard asks for metrics that there are', () => {
  const asked = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, problemsOf(withVariables(expr))] as const),
  );
  assert.deepEqual(
    asked.filter(([, problems]) => problems.length > 0),
    [],
  );
  const text = asked.length > 0 ? read('grafana-dashboard.json') : '';
  const missing = Object.values(METRICS).filter(({ name }) => !text.includes(name));
  assert.deepEqual(missing, [], 'every metric is shown');
});

test('panels have numbers and places of their own, and the data source that is chosen', () => {
  const { panels, templating } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) => {
    assert.ok(x + w <= 24);
    return Array.from({ length: h * w }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
  });
  assert.equal(new Set(cells).size, cells.length, 'none lies over another');
  const charts = panels.filter(({ type }) => type !== 'row');
  assert.ok(charts.every(({ datasource }) => datasource?.uid === '${datasource}'));
  const names = templating.list.map(({ name }) => name);
  assert.deepEqual(names, ['datasource', 'job', 'instance', 'source', 'subscription']);
  const used = [...read('grafana-dashboard.json').matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
  const unknown = used.filter((name = '') => !name.startsWith('__') && !names.includes(name));
  assert.deepEqual(unknown, []);
});

test('every alert asks for metrics that there are, and says what it means', () => {
  for (const { alert, expr, labels, annotations } of rules) {
    assert.deepEqual(problemsOf(expr), [], alert);
    assert.match(labels.severity, /^(warning|critical)$/, alert);
    const told = Object.values(annotations).join(' ');
    const named = [...told.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    const known = Object.values(METRICS).flatMap(({ name, labels }) =>
      expr.includes(name) ? ['job', 'instance', ...labels] : [],
    );
    assert.deepEqual(
      named.filter((label) => !known.some((each) => each === label)),
      [],
      alert,
    );
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});
