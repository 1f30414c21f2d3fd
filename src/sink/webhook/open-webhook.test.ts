import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../errors/tidings-error.ts';
import { WEBHOOK_KIND } from './webhook-kind.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const CONTEXT = {
  subscription: 'crm',
  maxConcurrency: 1,
  allowAddresses: [],
  userAgent: 'tidings/test',
};
const FOLDER = join(import.meta.dirname, '../../../test/tls');

/** Opens a webhook with these certificates; the error of one that cannot be opened. */
async function opened(tls: object): Promise<TidingsError | null> {
  const written = { url: 'https://crm.example/in', secret: SECRET, tls };
  const absolute = (path: string): string => join(FOLDER, path);
  const settings = WEBHOOK_KIND.located(WEBHOOK_KIND.schema.parse(written), absolute);
  try {
    await using _sink = await WEBHOOK_KIND.configured(settings).open(CONTEXT);
    return null;
  } catch (error) {
    assert.ok(isTidingsError(error));
    return error;
  }
}

test('an address or secret that the environment has not is asked for', async () => {
  const settings = WEBHOOK_KIND.schema.parse({ url: 'https://crm.example/in', secret: '' });
  const endpoint = WEBHOOK_KIND.configured(settings);
  assert.deepEqual(
    endpoint.missing().map(({ path }) => path.join('.')),
    ['webhook.secret'],
  );
  await assert.rejects(() => endpoint.open(CONTEXT), {
    code: 'CONFIG_VALUE_MISSING',
    message: 'The configuration has no value for subscriptions.crm.to.webhook.secret.',
  });
});

test('certificates come from files', async () => {
  assert.equal(await opened({ ca: 'ca.crt', cert: 'client.crt', key: 'client.key' }), null);
});

test('a file that is not there is named', async () => {
  const error = await opened({ ca: 'missing.pem' });
  assert.equal(error?.code, 'WEBHOOK_CERTIFICATE_UNREADABLE');
  assert.match(error.message, /missing\.pem of webhook crm/);
});

test('what is in the files has to be usable, or it would show only at the first change', async () => {
  const mixed = await opened({ cert: 'client.crt', key: 'server.key' });
  assert.equal(mixed?.code, 'WEBHOOK_CERTIFICATE_INVALID');
  assert.match(mixed.message, /webhook crm .*key: /);
  const wrong = await opened({ ca: 'README.md' });
  assert.equal(wrong?.code, 'WEBHOOK_CERTIFICATE_INVALID');
});
