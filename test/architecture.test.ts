import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { importsOf, type Module, violations } from './support/architecture.ts';

const SOURCES = join(import.meta.dirname, '..', 'src');
const NOT_PRODUCT = /\.(test|contract|bench|test-d)\.ts$/;

/** A made-up module with one import. */
function module(path: string, target: string): Module {
  return { path, text: `import type { Thing } from '${target}';\n` };
}

test('the sources keep the rules of docs/internals/architecture.md', () => {
  const modules = globSync('**/*.ts', { cwd: SOURCES })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !NOT_PRODUCT.test(path))
    .map((path) => ({ path, text: readFileSync(join(SOURCES, path), 'utf8') }));
  assert.ok(modules.length > 50, `only ${modules.length} modules found`);
  assert.deepEqual(violations(modules), []);
});

test('every form of import counts, and comments do not', () => {
  const text = `
    import { a } from '../util/a.ts';
    import type { B } from './b.ts';
    import './c.ts';
    export { d } from "./d.ts";
    const e = await import('./e.ts');
    type F = import('./f.ts').F;
    import {
      g,
    } from 'pg';
    // import { no } from './no.ts';
    /** As in \`import { no } from './no.ts'\`. */
  `;
  assert.deepEqual(importsOf({ path: 'change/x.ts', text }), [
    'util/a.ts',
    'change/b.ts',
    'change/c.ts',
    'change/d.ts',
    'change/e.ts',
    'change/f.ts',
    'pg',
  ]);
});

const BREACHES: readonly (readonly [rule: string, modules: readonly Module[], found: string])[] = [
  [
    'a lower rank imports a higher one',
    [module('change/a.ts', '../option/b.ts')],
    'change/a.ts (rank 1) imports option/b.ts (rank 2)',
  ],
  [
    'a folder imports another of its rank',
    [module('observe/a.ts', '../option/b.ts')],
    'observe/a.ts (rank 2) imports option/b.ts (rank 2)',
  ],
  [
    'a port imports another port',
    [module('log/log.ts', '../source/source.ts')],
    'log/log.ts (rank 3) imports source/source.ts (rank 3)',
  ],
  [
    'an adapter imports another port',
    [module('source/postgres/a.ts', '../../log/log.ts')],
    'source/postgres/a.ts imports log/log.ts, which is not its own port',
  ],
  [
    'an adapter imports its sibling',
    [module('source/postgres/a.ts', '../mysql/b.ts')],
    'source/postgres/a.ts (rank 4) imports source/mysql/b.ts (rank 4)',
  ],
  [
    'an engine imports an adapter',
    [module('capture/a.ts', '../log/sqlite/b.ts')],
    'capture/a.ts imports adapter log/sqlite/b.ts, which only app and the registries may name',
  ],
  [
    'the command line imports an adapter',
    [module('cli/a.ts', '../log/sqlite/b.ts')],
    'cli/a.ts imports adapter log/sqlite/b.ts, which only app and the registries may name',
  ],
  [
    'an engine imports another engine',
    [module('subscription/a.ts', '../delivery/b.ts')],
    'subscription/a.ts imports engine delivery/b.ts; only delivery may import subscription',
  ],
  [
    'something imports the public exports',
    [module('cli/a.ts', '../index.ts')],
    'cli/a.ts imports index.ts, which is for users only',
  ],
  [
    'two modules import each other',
    [module('change/a.ts', './b.ts'), module('change/b.ts', './a.ts')],
    'import cycle: change/a.ts → change/b.ts → change/a.ts',
  ],
  ['a barrel', [{ path: 'change/index.ts', text: '' }], 'change/index.ts is a barrel'],
  [
    'a module passes everything on',
    [{ path: 'change/a.ts', text: "export * from './b.ts';\n" }],
    'change/a.ts exports everything of another module',
  ],
  [
    'a long file',
    [{ path: 'change/a.ts', text: '\n'.repeat(401) }],
    'change/a.ts has 401 lines, more than 400',
  ],
  [
    'a folder that has no rank',
    [{ path: 'helpers/a.ts', text: '' }],
    'helpers/a.ts is in no folder of the rank table',
  ],
  [
    'a database driver outside of its adapter',
    [module('log/sqlite/a.ts', 'pg')],
    'log/sqlite/a.ts imports pg, which only source/postgres, embedded, cli may',
  ],
  [
    'the process is ended from inside',
    [{ path: 'app/a.ts', text: 'process.exit(1);\n' }],
    'app/a.ts ends the process, which only cli may',
  ],
];

for (const [rule, modules, found] of BREACHES) {
  test(`found: ${rule}`, () => {
    assert.ok(violations(modules).includes(found), violations(modules).join('\n'));
  });
}

test('allowed: delivery imports subscription, app imports adapters, adapters their port', () => {
  const modules = [
    module('delivery/a.ts', '../subscription/b.ts'),
    module('app/a.ts', '../log/sqlite/b.ts'),
    module('log/sqlite/b.ts', '../log.ts'),
    module('subscription/condition/c.ts', '../d.ts'),
  ];
  assert.deepEqual(violations(modules), []);
});
