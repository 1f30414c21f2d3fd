import {
  type Dashboard,
  type Panel,
  type RowPanel,
  type VariableModel,
  VariableRefresh,
  VariableSort,
  VariableType,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { type MetricEntry, type MetricKey, METRICS } from '../../src/observe/metric-catalogue.ts';
import { PANELS, type PanelShape, type Thresholds } from './dashboard-panels.ts';

/** Of the 24 columns that a dashboard has. */
const WIDTH = 8;
const HEIGHT = 7;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** Units of the catalogue in Grafana's words; what counts has none. */
const UNITS: Readonly<Record<string, string>> = {
  bytes: 'bytes',
  seconds: 's',
  '0 to 1': 'percentunit',
};

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

/** The dashboard as Grafana imports it: a panel for each metric of the catalogue. */
export function grafanaDashboard(): string {
  const dashboard = {
    uid: 'tidings',
    title: 'Tidings',
    description: 'Made by `npm run docs` from src/observe/metric-catalogue.ts.',
    tags: ['tidings'],
    timezone: 'browser',
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    annotations: { list: [] },
    templating: { list: variables() },
    panels: rows(),
  } satisfies Dashboard;
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function variables(): VariableModel[] {
  // Other processes have metrics of these names, too: job and instance are those of Tidings.
  const query = (name: string, label: string, metric: MetricKey): VariableModel => ({
    name,
    label,
    type: VariableType.Query,
    datasource: DATASOURCE,
    query: { query: `label_values(${METRICS[metric].name}, ${name})`, refId: name },
    refresh: VariableRefresh.OnTimeRangeChanged,
    sort: VariableSort.AlphabeticalAsc,
    multi: true,
    includeAll: true,
    current: { text: 'All', value: '$__all' },
  });
  return [
    {
      name: 'datasource',
      label: 'Data source',
      type: VariableType.Datasource,
      query: 'prometheus',
    },
    query('job', 'Job', 'dataFreeBytes'),
    query('instance', 'Instance', 'dataFreeBytes'),
    query('source', 'Source', 'captureState'),
    query('subscription', 'Subscription', 'subscriptionLag'),
  ];
}

function rows(): (Panel | RowPanel)[] {
  const shapes = Object.entries(PANELS) as [MetricKey, PanelShape | null][];
  const placed: (Panel | RowPanel)[] = [];
  let y = 0;
  let row = '';
  let column = 0;
  for (const [key, shape] of shapes) {
    if (shape === null) continue;
    if (shape.row !== row) {
      y += column === 0 ? 0 : HEIGHT;
      placed.push(rowPanel(shape.row, placed.length + 1, y));
      [row, column, y] = [shape.row, 0, y + 1];
    }
    const gridPos = { h: HEIGHT, w: WIDTH, x: column * WIDTH, y };
    placed.push({ ...panel(key, shape), id: placed.length + 1, gridPos });
    column = (column + 1) % (24 / WIDTH);
    if (column === 0) y += HEIGHT;
  }
  return placed;
}

function rowPanel(title: string, id: number, y: number): RowPanel {
  const gridPos = { h: 1, w: 24, x: 0, y };
  return { type: 'row', title, id, gridPos, collapsed: false, panels: [] };
}

function panel(key: MetricKey, shape: PanelShape): Panel {
  const entry: MetricEntry = METRICS[key];
  const keys = [key, ...(shape.and ?? [])];
  const targets = keys.flatMap((each) => targetsOf(each, keys.length > 1));
  const { title, thresholds } = shape;
  return {
    type: key === 'captureState' ? 'state-timeline' : 'timeseries',
    title,
    description: entry.help,
    datasource: DATASOURCE,
    // Its types mark what a query is with a method that no JSON has.
    targets: targets.map((target, at) => ({
      refId: String.fromCodePoint(65 + at),
      datasource: DATASOURCE,
      ...target,
    })) as unknown as NonNullable<Panel['targets']>,
    fieldConfig: {
      defaults: {
        unit: unitOf(key, entry),
        min: 0,
        ...(thresholds === undefined ? {} : coloured(thresholds)),
      },
      overrides: [],
    },
  };
}

/** Lines behind the curve, and the curve in the colour of its height. */
function coloured({ warn, bad, below = false }: Thresholds): object {
  const [low, high] = below ? ['red', 'green'] : ['green', 'red'];
  const [first, second] = below ? [bad, warn] : [warn, bad];
  const steps = [
    { value: null, color: low },
    ...(first === second ? [] : [{ value: first, color: 'orange' }]),
    { value: second, color: high },
  ];
  return {
    thresholds: { mode: 'absolute', steps },
    custom: { thresholdsStyle: { mode: 'dashed' } },
  };
}

function unitOf(key: MetricKey, { type, unit }: MetricEntry): string {
  if (key === 'processCpu') return 'percentunit';
  return UNITS[unit] ?? (type === 'counter' ? 'cps' : 'short');
}

/** What is asked of Prometheus about one metric. */
function targetsOf(key: MetricKey, named: boolean): readonly Target[] {
  const { name, type, labels }: MetricEntry = METRICS[key];
  const chosen = ['job', 'instance', ...labels.filter((label) => label !== 'outcome')];
  const matchers = chosen.flatMap((label) => (label === 'state' ? [] : [`${label}=~"$${label}"`]));
  const selector = (suffix = ''): string => `${name}${suffix}{${matchers.join(',')}}`;
  const told = labels.length === 0 ? ['instance'] : labels;
  const legend = [...(named ? [name] : []), ...told.map((label) => `{{${label}}}`)].join(' ');
  if (type === 'counter') {
    const by = ['instance', ...labels].join(', ');
    return [
      { expr: `sum by (${by}) (rate(${selector()}[$__rate_interval]))`, legendFormat: legend },
    ];
  }
  if (type === 'histogram') {
    const by = ['instance', ...labels, 'le'].join(', ');
    return [0.5, 0.99].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (${by}) (rate(${selector('_bucket')}[$__rate_interval])))`,
      legendFormat: `p${quantile * 100} ${legend}`,
    }));
  }
  // Since when would be a date that grows; how long is what one wants to see fall to nothing.
  const expr = key === 'processStart' ? `time() - ${selector()}` : selector();
  return [{ expr, legendFormat: legend }];
}
