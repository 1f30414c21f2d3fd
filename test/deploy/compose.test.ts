import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { optionEntries } from '../../src/config/option-table.ts';
import { secretVariables } from '../../src/config/secret-files.ts';
import { readImage, ROOT } from './dockerfile.ts';

const file = join(ROOT, 'deploy/compose.yaml');
const text = readFileSync(file, 'utf8');

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly tmpfs: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period: string;
}

interface Compose {
  readonly services: { readonly postgres: Service; readonly tidings: Service };
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const { services, secrets } = parse(text) as Compose;
const directory = mkdtempSync(join(tmpdir(), 'tidings-compose-'));
after(() => rmSync(directory, { recursive: true }));

const dclint = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));

function lint(compose: string): number | null {
  const path = join(directory, 'compose.yaml');
  writeFileSync(path, compose);
  const command = [join(dclint, 'bin/dclint.cjs'), '--max-warnings', '0', path];
  return spawnSync(process.execPath, command, { stdio: 'ignore' }).status;
}

test('the linter finds nothing in it, and it would', () => {
  assert.equal(lint(text), 0, 'npx dclint deploy/compose.yaml says what it is');
  assert.notEqual(lint(text.replace('image: postgres:18', 'image: postgres')), 0);
});

test('it follows the schema of the Compose specification', () => {
  const schema = JSON.parse(readFileSync(join(dclint, 'schemas/compose.schema.json'), 'utf8')) as {
    $schema?: string;
  };
  // Written with https, it is not found among those that are built in.
  delete schema.$schema;
  const fits = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  assert.ok(fits(parse(text)), JSON.stringify(fits.errors));
  assert.ok(!fits(parse(text.replace('stop_grace_period', 'stop_grace'))));
  assert.ok(!fits(parse(text.replace('condition: service_healthy', 'condition: healthy'))));
});

test('secrets come from files that neither version control nor the package takes along', () => {
  assert.doesNotMatch(text, /postgres(ql)?:\/\/|PASSWORD:|_TOKEN:/);
  const ignored = readFileSync(join(ROOT, 'deploy/.gitignore'), 'utf8').split('\n');
  for (const service of Object.values(services)) {
    for (const name of service.secrets) {
      const from = secrets[name]?.file ?? '';
      assert.ok(ignored.includes(basename(dirname(from))), from);
      assert.ok(Object.values(service.environment).includes(`/run/secrets/${name}`), name);
    }
  }
});

test('its variables are those that Tidings knows', () => {
  const known = [
    ...optionEntries().flatMap(([, { env }]) => (env === undefined ? [] : [env])),
    ...secretVariables().map((name) => `${name}_FILE`),
  ];
  const strange = Object.keys(services.tidings.environment).filter((name) => !known.includes(name));
  assert.deepEqual(strange, []);
});

test('both services have no more rights than they need', () => {
  for (const [name, service] of Object.entries(services)) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.ok(service.security_opt.includes('no-new-privileges:true'), name);
    assert.ok(service.tmpfs.includes('/tmp'), name);
  }
  assert.deepEqual(
    services.tidings.ports?.filter((port) => !port.startsWith('127.0.0.1:')),
    [],
    'published on loopback alone',
  );
});

test('Tidings starts when the server decodes and is ready, on the volume of the image', () => {
  const { postgres, tidings } = services;
  assert.ok(postgres.command?.includes('--wal_level=logical'));
  assert.ok(postgres.healthcheck?.test.includes('--host=127.0.0.1'));
  assert.equal(tidings.depends_on?.['postgres']?.condition, 'service_healthy');
  const { volumes, workdir } = readImage();
  const mounted = tidings.volumes.map((volume) => volume.split(':')[1]);
  assert.deepEqual(mounted, [workdir, ...volumes]);
});
