/** What a page names is there: files and their headings, errors, metrics, options. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { OPTIONS } from '../../src/config/option-table.ts';
import { CATALOGUE } from '../../src/errors/catalogue.ts';
import { METRICS } from '../../src/observe/metric-catalogue.ts';
import { inlineCodes, ROOT } from './pages.ts';

/** All that is written in Markdown, also what is generated and what only contributors read. */
const DOCUMENTS = ['*.md', 'docs/**/*.md'].flatMap((pattern) => globSync(pattern, { cwd: ROOT }));

/** The heading's name in an address, as GitHub makes it. */
function anchor(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
}

const anchors = new Map<string, ReadonlySet<string>>();

function anchorsOf(file: string): ReadonlySet<string> {
  const known = anchors.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, 'utf8').replace(/^```[^]*?^```$/gm, '');
  const found = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => anchor(title)));
  anchors.set(file, found);
  return found;
}

function broken(document: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
  if (!existsSync(file)) return true;
  return heading !== undefined && file.endsWith('.md') && !anchorsOf(file).has(heading);
}

test('links lead to files and headings that are there', () => {
  const links = DOCUMENTS.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8').replace(/^```[^]*?^```$/gm, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => [document, to] as const);
  }).filter(([, to]) => !/^[a-z]+:/.test(to));
  assert.ok(links.length > 80, String(links.length));
  const wrong = links.filter(([document, to]) => broken(document, to));
  assert.deepEqual(wrong, []);
  assert.ok(broken('README.md', 'docs/guide/undo.md#nonsuch') && broken('README.md', 'no.md'));
  const outside = links.filter(([document, to]) =>
    relative(ROOT, join(ROOT, dirname(document), to)).startsWith('..'),
  );
  assert.deepEqual(outside, []);
});

/** Names in capitals that belong to PostgreSQL or to the program that is described. */
const OTHERS = ['SQL_ASCII', 'MULE_INTERNAL', 'ALTER_REPLICATION_SLOT'];

test('errors and variables that a page names are there', () => {
  const variables = Object.values(OPTIONS).flatMap((option) => ('env' in option ? option.env : []));
  const known = new Set<string>([
    ...Object.keys(CATALOGUE),
    ...['DATABASE_URL', ...variables].flatMap((name) => [name, `${name}_FILE`]),
    ...OTHERS,
  ]);
  const named = inlineCodes().filter(([, code]) => /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(code));
  assert.ok(named.length > 40, String(named.length));
  assert.deepEqual(
    named.filter(([, code]) => !known.has(code)),
    [],
  );
});

test('metrics that a page names are there', () => {
  const known = new Set<string>(Object.values(METRICS).map(({ name }) => name));
  const named = inlineCodes().filter(([, code]) =>
    /^tidings_(?!main\b|<)\w+_(?:total|bytes|seconds|\w+)$/.test(code),
  );
  assert.ok(named.length > 3, String(named.length));
  assert.deepEqual(
    named.filter(([, code]) => !known.has(code)),
    [],
  );
});

test('options that a page names are there', () => {
  const paths = Object.keys(OPTIONS);
  const named = inlineCodes().filter(([, code]) =>
    /^(?:dataDir|logLevel|(?:log|http|webhooks|delivery|sources|subscriptions)\.[\w.*]+)$/.test(
      code,
    ),
  );
  assert.ok(named.length > 15, String(named.length));
  const isThere = (code: string): boolean => {
    const path = code.replace(/^delivery\./, 'subscriptions.*.delivery.').replace(/\bNAME\b/, '*');
    return paths.some((each) => each === path || each.startsWith(`${path}.`));
  };
  assert.deepEqual(
    named.filter(([, code]) => !isThere(code)),
    [],
  );
});
