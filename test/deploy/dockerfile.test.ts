import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { argumentsOf, DOCKERFILE, readImage, ROOT, withKeyword } from './dockerfile.ts';

test('the linter finds nothing in it, and it would', () => {
  assert.deepEqual(validate(DOCKERFILE), []);
  assert.notDeepEqual(
    validate(DOCKERFILE.replace('STOPSIGNAL SIGTERM', 'STOPSIGNAL TERMINATE')),
    [],
  );
  assert.notDeepEqual(
    validate(DOCKERFILE.replace('HEALTHCHECK --interval', 'HEALTHCHECK --every')),
    [],
  );
});

test('it runs as a user who is not root, whose volume is owned by that user', () => {
  const { user, volumes, env } = readImage();
  assert.match(user, /^[1-9]\d*:[1-9]\d*$/, 'by number, as Kubernetes wants it');
  const [uid, gid] = user.split(':');
  assert.deepEqual(volumes, [env['TIDINGS_DATA_DIR']]);
  assert.match(DOCKERFILE, new RegExp(`install .*--owner=${uid} --group=${gid} .*${volumes[0]}`));
  // What is written to it in a layer behind VOLUME is lost.
  assert.ok(DOCKERFILE.indexOf('install --directory') < DOCKERFILE.indexOf('VOLUME'));
});

test('its stages are of one version of Node.js, the one that package.json asks for', () => {
  const stages = withKeyword(DockerfileParser.parse(DOCKERFILE).getInstructions(), 'FROM');
  const images = new Set(stages.map((stage) => argumentsOf(stage)[0]));
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  assert.deepEqual([...images], [`node:${engines.node.replace('>=', '')}-slim`]);
});

test('what it copies is there, and nothing else is sent to the build', () => {
  const copies = withKeyword(DockerfileParser.parse(DOCKERFILE).getInstructions(), 'COPY');
  // Those of another stage are absolute.
  const sources = copies
    .flatMap((copy) => argumentsOf(copy).slice(0, -1))
    .filter((source) => !source.startsWith('/'));
  assert.deepEqual(
    sources.filter((source) => !existsSync(join(ROOT, source))),
    [],
  );
  const ignore = readFileSync(join(ROOT, 'deploy/Dockerfile.dockerignore'), 'utf8');
  const sent = ignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(sent.toSorted(), ['*', ...sources.map((source) => `!${source}`)].toSorted());
});

test('pages that errors and help texts name lie beside the program', () => {
  const pages = readImage().copied.filter(([from]) => from === '/src/docs');
  assert.deepEqual(pages, [['/src/docs', '/app/docs']]);
});
