import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import { loadConfig } from './load-config.ts';
import { withSecretFiles } from './secret-files.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidings-secrets-'));
after(() => rmSync(cwd, { recursive: true }));

const URL = 'postgresql://ann:geheim@db/shop';
const TOKEN = 'a-token-of-the-tests';

function file(name: string, text: string): string {
  const path = join(cwd, name);
  writeFileSync(path, text);
  return path;
}

function complaint(env: Readonly<Record<string, string>>): string {
  try {
    withSecretFiles(env);
  } catch (error) {
    assert.ok(isTidingsError(error));
    assert.ok(!error.message.includes('geheim'));
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
}

test('secrets come from the files that variables name', async () => {
  const env = {
    DATABASE_URL_FILE: file('url', `${URL}\n`),
    TIDINGS_HTTP_TOKEN_FILE: file('token', `${TOKEN}\r\n`),
  };
  const { config } = await loadConfig({ env, cwd });
  assert.equal(config.sources['main']?.url, URL);
  assert.equal(config.http?.token, TOKEN);
});

test('only what is a secret, and a value without its last line break as it is', () => {
  const env = {
    DATABASE_URL_FILE: file('spaces', ` ${URL} \n\n`),
    TIDINGS_DATA_DIR_FILE: '/no/secret',
    PATH: '/bin',
  };
  const { DATABASE_URL, TIDINGS_DATA_DIR, PATH } = withSecretFiles(env) as NodeJS.ProcessEnv;
  assert.deepEqual([DATABASE_URL, TIDINGS_DATA_DIR, PATH], [` ${URL} \n`, undefined, '/bin']);
  assert.equal(withSecretFiles({ DATABASE_URL: URL, DATABASE_URL_FILE: '' })['DATABASE_URL'], URL);
});

test('a file that is not there or empty, and a secret twice', () => {
  assert.match(
    complaint({ DATABASE_URL_FILE: '/no/such/file' }),
    /^SECRET_FILE_UNREADABLE: The file that DATABASE_URL_FILE names cannot be read: ENOENT/,
  );
  assert.match(
    complaint({ TIDINGS_HTTP_TOKEN_FILE: file('empty', '\n') }),
    /^SECRET_FILE_UNREADABLE: .*\/empty is empty\./,
  );
  assert.match(
    complaint({ DATABASE_URL_FILE: file('url', URL), DATABASE_URL: URL }),
    /^SECRET_TWICE: Both DATABASE_URL and DATABASE_URL_FILE are set\./,
  );
});
