import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveConfig } from '../../config/resolve-config.ts';
import { isTidingsError, type TidingsError } from '../../errors/tidings-error.ts';
import { openEndpoint } from './open-endpoint.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const FOLDER = join(import.meta.dirname, '../../../test/tls');

/** Opens a webhook with these certificates; the error of one that cannot be opened. */
async function opened(tls: object): Promise<TidingsError | null> {
  const webhook = { url: 'https://crm.example/in', secret: SECRET, tls };
  const input = {
    sources: { main: { url: 'postgresql://ann@db/shop' } },
    subscriptions: { crm: { tables: ['public.accounts'], to: { webhook } } },
  };
  const config = resolveConfig(input, { directory: FOLDER });
  const subscription = config.subscriptions['crm'] ?? assert.fail();
  try {
    await using _sink = await openEndpoint(config, 'crm', subscription);
    return null;
  } catch (error) {
    assert.ok(isTidingsError(error));
    return error;
  }
}

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
