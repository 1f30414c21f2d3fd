import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeApi } from '../src/server/describe-api.ts';
import { configSchemaDocument } from './lib/config-schema.ts';
import { grafanaDashboard } from './lib/grafana-dashboard.ts';
import { jsonPage } from './lib/json-page.ts';
import { migrationToolsPage } from './lib/migration-tools-page.ts';
import { cliPage, configurationPage, errorsPage, metricsPage } from './lib/reference-pages.ts';

/**
 * Writes the reference pages, and the dashboard, that are made from tables in the code: `npm run docs`. With `--check` it
 * writes nothing and fails when one is out of date.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const root = join(import.meta.dirname, '..');
const PAGES = {
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/config.schema.json': () => `${JSON.stringify(configSchemaDocument(), null, 2)}\n`,
  'docs/reference/cli.md': cliPage,
  'docs/reference/json-output.md': jsonPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/migration-tools.md': migrationToolsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/openapi.json': async () => `${JSON.stringify(await describeApi(), null, 2)}\n`,
  'deploy/grafana-dashboard.json': grafanaDashboard,
};

for (const [name, render] of Object.entries(PAGES)) {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  const page = await render();
  const written = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (page === written) continue;
  if (values.check) {
    process.stdout.write(`${name} is out of date: npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, page);
    process.stdout.write(`wrote ${name}\n`);
  }
}
