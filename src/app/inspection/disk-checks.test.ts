import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveConfig } from '../../config/resolve-config.ts';
import { checkSubscriptions } from './disk-checks.ts';

const TLS = join(import.meta.dirname, '../../../test/tls');

test('a webhook whose certificates the start would refuse fails before it', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const subscription = (tls: object): object => ({
    tables: ['public.accounts'],
    to: { webhook: { url: 'https://crm.example/in', secret, tls } },
  });
  const [cert, key, ca] = ['client.crt', 'client.key', 'ca.crt'].map((name) => join(TLS, name));
  const config = resolveConfig({
    sources: { main: { url: 'postgresql://ann@db/shop' } },
    subscriptions: {
      fine: subscription({ ca, cert, key }),
      missing: subscription({ ca: join(TLS, 'nonsuch.crt') }),
      other: subscription({ cert, key: join(TLS, 'server.key') }),
      wrong: subscription({ ca: join(TLS, 'README.md') }),
    },
  });
  const said = checkSubscriptions(config).map(({ name, status }) => [name, status]);
  assert.deepEqual(said, [
    ['fine', 'ok'],
    ['missing', 'failed'],
    ['other', 'failed'],
    ['wrong', 'failed'],
  ]);
});
