/** What docs/reference/configuration.md says of defaults is what a configuration without them gets. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { optionEntries } from './option-table.ts';
import { SINK_NAMES, type SinkName } from './sink-options.ts';
import { resolveConfig } from './resolve-config.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'reference', 'configuration.md');
const PREFIX = 'subscriptions.*.delivery.';

/** The default that the page gives an option for a kind of endpoint. */
function written(path: string, kind: SinkName): string {
  const [, section = ''] = readFileSync(PAGE, 'utf8').split(`\n## \`${path}\`\n`);
  const line = /^- default: (.*)$/m.exec(section.split('\n## ')[0] ?? '')?.[1] ?? assert.fail(path);
  const own = new RegExp(`; for a ${kind} \`([^\`]*)\``).exec(line)?.[1];
  return own ?? /^`([^`]*)`[.;]/.exec(line)?.[1] ?? assert.fail(line);
}

const TO: Readonly<Record<SinkName, object>> = {
  handler: { handler: './crm.ts' },
  webhook: {
    webhook: {
      url: 'https://crm.example',
      secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
  },
  file: { file: { path: 'changes.ndjson' } },
};

/** The options of one subscription's delivery, with what is given or left out. */
function delivery(to: object, given: object): unknown {
  const sources = { main: { url: 'postgresql://ann@db/shop' } };
  const crm = { tables: ['public.accounts'], to, delivery: given };
  return resolveConfig({ sources, subscriptions: { crm } }).subscriptions['crm']?.delivery;
}

for (const kind of SINK_NAMES) {
  test(`the page's defaults for a ${kind}, written out, change nothing`, () => {
    const given: Record<string, unknown> = {};
    const backoff: Record<string, unknown> = {};
    for (const [path, { default: value }] of optionEntries()) {
      if (!path.startsWith(PREFIX) || value === undefined) continue;
      const text = written(path, kind);
      const option: unknown = JSON.parse(text.replaceAll("'", '"'));
      const [, name = ''] = /([^.]*)$/.exec(path) ?? [];
      if (path.includes('.backoff.')) backoff[name] = option;
      else given[name] = option;
    }
    assert.ok(Object.keys(given).length >= 3 && Object.keys(backoff).length === 4);
    assert.deepEqual(delivery(TO[kind], { ...given, backoff }), delivery(TO[kind], {}));
  });
}
