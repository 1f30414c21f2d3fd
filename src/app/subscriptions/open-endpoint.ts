import { readFileSync } from 'node:fs';
import type { Config, SubscriptionConfig, WebhookConfig } from '../../config/define-config.ts';
import { requireOfWebhook } from '../../config/needed.ts';
import { isPem } from '../../config/pem.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { HandlerSink } from '../../sink/handler/handler-sink.ts';
import type { Sink } from '../../sink/sink.ts';
import { certificateProblem, type Certificates } from '../../sink/webhook/certificates.ts';
import { WebhookSink } from '../../sink/webhook/webhook-sink.ts';
import { loadHandlerModule } from './handler-module.ts';
import { readVersion } from '../version.ts';

/**
 * The adapter of a configured endpoint. Nothing connects yet.
 * @throws TidingsError `CONFIG_VALUE_MISSING`, `HANDLER_*`, `WEBHOOK_CERTIFICATE_UNREADABLE`, `WEBHOOK_CERTIFICATE_INVALID`
 */
export async function openEndpoint(
  config: Config,
  name: string,
  subscription: SubscriptionConfig,
): Promise<Sink> {
  const { to, delivery } = subscription;
  if (!('webhook' in to)) return new HandlerSink(name, await loadHandlerModule(to.handler));
  const { url, secret, headers } = to.webhook;
  return new WebhookSink({
    url: requireOfWebhook(name, 'url', { value: url, reader: 'program' }),
    secrets: requireOfWebhook(name, 'secret', { value: secret, reader: 'program' }),
    headers: headers ?? {},
    tls: certificates(name, to.webhook),
    allowAddresses: config.webhooks.allowAddresses,
    connections: delivery.maxConcurrency,
    userAgent: `tidings/${readVersion()}`,
  });
}

function certificates(name: string, { tls }: WebhookConfig): Certificates {
  const read = (written: string): string => (isPem(written) ? written : readPem(name, written));
  const texts: Certificates = Object.fromEntries(
    Object.entries(tls ?? {}).map(([part, written]) => [part, read(written)]),
  );
  const reason = certificateProblem(texts);
  if (reason !== null) throw new TidingsError('WEBHOOK_CERTIFICATE_INVALID', { name, reason });
  return texts;
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError(
      'WEBHOOK_CERTIFICATE_UNREADABLE',
      { name, path, reason },
      { cause: error },
    );
  }
}
