/** The rules of docs/internals/architecture.md, checked on the imports of a set of modules. */

/** A source file: its path from `src/`, its text, and whether it is part of the product. */
export interface Module {
  readonly path: string;
  readonly text: string;
}

/** Where a file belongs: its folder in the rank table, and that folder's kind. */
interface Place {
  readonly folder: string;
  readonly rank: number;
  readonly kind: 'plain' | 'port' | 'adapter' | 'engine' | 'composition' | 'entry';
}

const PORTS = new Set(['source', 'log', 'sink', 'state']);
const ENGINES = new Set(['capture', 'subscription', 'delivery', 'undo', 'batch', 'vault']);
const PLAIN_RANKS: Readonly<Record<string, number>> = {
  util: 0,
  errors: 0,
  change: 1,
  project: 1,
  option: 2,
  observe: 2,
  // A program we bring along, and no adapter of a port.
  embedded: 4,
  // Above the adapters, because what an endpoint is configured by is theirs.
  config: 5,
};
/** The registries of adapters; nobody else but `app` names one. */
const REGISTRIES = new Set(['config/sink-kinds.ts', 'config/sink-options.ts']);
const MAX_LINES = 400;

/** Which folders may use a package: drivers and servers stay where they are adapted. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  pg: ['source/postgres', 'embedded', 'cli'],
  zod: ['option', 'sink', 'sink/handler', 'sink/webhook', 'sink/file', 'config', 'cli', 'server'],
  undici: ['sink/webhook'],
  fastify: ['server'],
  '@fastify/swagger': ['server'],
  'fastify-type-provider-zod': ['server'],
  '@marcbachmann/cel-js': ['subscription'],
  pino: ['observe'],
  'prom-client': ['observe'],
  commander: ['cli'],
  'node:sqlite': ['log/sqlite', 'state/sqlite', 'app'],
};

/** Everything that breaks a rule, as one sentence each. */
export function violations(modules: readonly Module[]): readonly string[] {
  const imports = new Map(modules.map((module) => [module.path, importsOf(module)]));
  return [
    ...modules.flatMap((module) => fileViolations(module)),
    ...modules.flatMap((module) =>
      (imports.get(module.path) ?? []).flatMap((target) => importViolations(module.path, target)),
    ),
    ...cycles(imports),
  ];
}

const SPECIFIER = /\b(?:from|import)\s*\(?\s*(['"])([^'"]+)\1/g;

/** What a module imports: paths from `src/`, or names of packages. Types count like values. */
export function importsOf({ path, text }: Module): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const folder = path.split('/').slice(0, -1);
  return [...code.matchAll(SPECIFIER)].map(([, , specifier = '']) =>
    specifier.startsWith('.') ? resolve(folder, specifier) : specifier,
  );
}

function resolve(folder: readonly string[], specifier: string): string {
  const parts = [...folder];
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function placeOf(path: string): Place | null {
  const [first = '', second = '', third] = path.split('/');
  if (path === 'index.ts') return { folder: '', rank: 8, kind: 'entry' };
  if (PORTS.has(first)) {
    return third === undefined
      ? { folder: first, rank: 3, kind: 'port' }
      : { folder: `${first}/${second}`, rank: 4, kind: 'adapter' };
  }
  if (ENGINES.has(first)) return { folder: first, rank: 5, kind: 'engine' };
  if (first === 'app') return { folder: first, rank: 6, kind: 'composition' };
  if (first === 'server') return { folder: first, rank: 7, kind: 'entry' };
  if (first === 'cli') return { folder: first, rank: 8, kind: 'entry' };
  const rank = PLAIN_RANKS[first];
  return rank === undefined ? null : { folder: first, rank, kind: 'plain' };
}

function fileViolations({ path, text }: Module): string[] {
  const found: string[] = [];
  const lines = text.split('\n').length - 1;
  const place = placeOf(path);
  if (place === null) found.push(`${path} is in no folder of the rank table`);
  if (lines > MAX_LINES) found.push(`${path} has ${lines} lines, more than ${MAX_LINES}`);
  if (path !== 'index.ts') {
    if (path.endsWith('/index.ts')) found.push(`${path} is a barrel`);
    if (/^export \*/m.test(text)) found.push(`${path} exports everything of another module`);
  }
  if (place?.folder !== 'cli' && /\bprocess\.exit\(/.test(text)) {
    found.push(`${path} ends the process, which only cli may`);
  }
  return found;
}

function importViolations(path: string, target: string): string[] {
  const from = placeOf(path);
  const to = target.endsWith('.ts') ? placeOf(target) : null;
  if (from === null) return [];
  if (to === null) return packageViolations(path, from, target);
  if (target === 'index.ts') return [`${path} imports index.ts, which is for users only`];
  if (from.folder === to.folder) return [];
  const found: string[] = [];
  const engines = from.kind === 'engine' && to.kind === 'engine';
  if (engines && !(from.folder === 'delivery' && to.folder === 'subscription')) {
    found.push(`${path} imports engine ${target}; only delivery may import subscription`);
  } else if (!engines && to.rank >= from.rank) {
    found.push(`${path} (rank ${from.rank}) imports ${target} (rank ${to.rank})`);
  }
  if (to.kind === 'adapter' && from.kind !== 'composition' && !REGISTRIES.has(path)) {
    found.push(`${path} imports adapter ${target}, which only app and the registries may name`);
  }
  if (from.kind === 'adapter' && to.kind === 'port' && !from.folder.startsWith(`${to.folder}/`)) {
    found.push(`${path} imports ${target}, which is not its own port`);
  }
  return found;
}

function packageViolations(path: string, from: Place, name: string): string[] {
  const allowed = PACKAGES[name];
  if (allowed === undefined || allowed.includes(from.folder)) return [];
  return [`${path} imports ${name}, which only ${allowed.join(', ')} may`];
}

/** Each import cycle once, as the chain of its files. */
function cycles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, chain: readonly string[]): void => {
    const at = chain.indexOf(path);
    if (at !== -1) found.push(`import cycle: ${[...chain.slice(at), path].join(' → ')}`);
    if (at !== -1 || done.has(path)) return;
    for (const target of imports.get(path) ?? []) {
      if (imports.has(target)) visit(target, [...chain, path]);
    }
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}
