/** Every configuration of the pages, as it stands there, loads, and is one that Tidings takes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { blocks, ROOT } from './pages.ts';

const schema = readFileSync(join(ROOT, 'docs/reference/config.schema.json'), 'utf8');
const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(schema) as object);
const directory = mkdtempSync(join(tmpdir(), 'tidings-pages-'));
after(() => rmSync(directory, { recursive: true }));
const environment = { ...process.env };
after(() => {
  process.env = environment;
});

mkdirSync(join(directory, 'node_modules', 'tidings'), { recursive: true });
writeFileSync(
  join(directory, 'node_modules', 'tidings', 'package.json'),
  JSON.stringify({ name: 'tidings', type: 'module', exports: './index.js' }),
);
writeFileSync(
  join(directory, 'node_modules', 'tidings', 'index.js'),
  `export * from ${JSON.stringify(join(ROOT, 'src', 'index.ts'))};`,
);

/** What a variable or a file of a secret may hold, by its name. */
function valueOf(name: string): string {
  if (/secret$/i.test(name)) return `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  if (/token$/i.test(name)) return 'a-token-of-a-reader';
  return name.startsWith('CRM') ? 'https://crm.example/in' : 'postgresql://ann@db.example/shop';
}

const configurations = blocks('ts', 'js').filter(
  ({ text }) => text.includes('export default') && /\b(?:sources|webhooks): \{/.test(text),
);

test('there are some', () => assert.ok(configurations.length >= 8, String(configurations.length)));

for (const [at, { place, language, text }] of configurations.entries()) {
  test(`the configuration in ${place}`, async () => {
    for (const [, name = ''] of text.matchAll(/process\.env\.(\w+)/g)) {
      process.env[name] ??= valueOf(name);
    }
    for (const [, name = ''] of text.matchAll(/\bsecret\('(\w+)'\)/g)) {
      writeFileSync(join(directory, name), valueOf(name));
    }
    const file = join(directory, `${at}.${language === 'ts' ? 'mts' : 'mjs'}`);
    const filled = text
      .replaceAll('whsec_…', valueOf('secret'))
      .replaceAll('/run/secrets', directory);
    writeFileSync(file, filled);
    const { default: config } = (await import(pathToFileURL(file).href)) as { default: object };
    assert.doesNotThrow(() => resolveConfig(config));
    assert.ok(validate(JSON.parse(JSON.stringify(config))), JSON.stringify(validate.errors));
  });
}
