import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeApi } from '../src/server/describe-api.ts';
import { jsonPage } from './lib/json-page.ts';
import { migrationToolsPage } from './lib/migration-tools-page.ts';
import { cliPage, configurationPage, errorsPage, metricsPage } from './lib/reference-pages.ts';

/**
 * Writes the reference pages that are made from tables in the code: `npm run docs`. With `--check` it
 * writes nothing and fails when one is out of date.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const directory = join(import.meta.dirname, '..', 'docs', 'reference');
const PAGES = {
  'configuration.md': configurationPage,
  'cli.md': cliPage,
  'json-output.md': jsonPage,
  'errors.md': errorsPage,
  'migration-tools.md': migrationToolsPage,
  'metrics.md': metricsPage,
  'openapi.json': async () => `${JSON.stringify(await describeApi(), null, 2)}\n`,
};

mkdirSync(directory, { recursive: true });
for (const [name, render] of Object.entries(PAGES)) {
  const file = join(directory, name);
  const page = await render();
  const written = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (page === written) continue;
  if (values.check) {
    process.stdout.write(`docs/reference/${name} is out of date: npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, page);
    process.stdout.write(`wrote docs/reference/${name}\n`);
  }
}
