import type { OptionEntry } from '../../option/option-entry.ts';
import type { SinkTraits } from '../sink-traits.ts';

/** What a webhook is configured by. */
export const WEBHOOK_OPTIONS = {
  'subscriptions.*.to.webhook.url': {
    description:
      'The address that each change is posted to, https:// or http://. docs/guide/webhooks.md has everything that its receiver needs.',
    type: 'URL',
    required: true,
  },
  'subscriptions.*.to.webhook.secret': {
    description:
      'What signs each request: whsec_ and 24 to 64 bytes in base64. With a list every secret signs, so that receivers can change over to a new one.',
    type: 'secret, or list of secrets',
    required: true,
    secret: true,
  },
  'subscriptions.*.to.webhook.headers': {
    description: 'Headers that each request gets too, for instance authorization.',
    type: 'object of headers',
    reason: 'Without it: none.',
    secret: true,
  },
  'subscriptions.*.to.webhook.tls.ca': {
    description: 'The authorities that may vouch for the receiver, instead of the usual ones.',
    type: "PEM, or a file's path",
    reason: 'Without it: those that Node.js knows.',
  },
  'subscriptions.*.to.webhook.tls.cert': {
    description: 'The certificate by which the receiver knows this client; goes with key.',
    type: "PEM, or a file's path",
  },
  'subscriptions.*.to.webhook.tls.key': {
    description: 'The private key of that certificate.',
    type: "PEM, or a file's path",
    secret: true,
  },
} as const satisfies Record<string, OptionEntry>;

/** Its receiver belongs to somebody else, and may be down for days. */
export const WEBHOOK_TRAITS: SinkTraits = {
  delivery: {
    maxAttempts: 16,
    'backoff.first': '5s',
    'backoff.factor': 4,
    'backoff.max': '8h',
  },
  overHttp: true,
};
