import type { Config, SubscriptionConfig } from '../../config/define-config.ts';
import { requireOfWebhook } from '../../config/needed.ts';
import { HandlerSink } from '../../sink/handler/handler-sink.ts';
import type { Sink } from '../../sink/sink.ts';
import { WebhookSink } from '../../sink/webhook/webhook-sink.ts';
import { loadHandlerModule } from './handler-module.ts';
import { readCertificates } from './read-certificates.ts';
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
    tls: readCertificates(name, to.webhook),
    allowAddresses: config.webhooks.allowAddresses,
    connections: delivery.maxConcurrency,
    userAgent: `tidings/${readVersion()}`,
  });
}
