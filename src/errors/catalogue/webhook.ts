import type { ErrorEntry } from '../entry.ts';

export const WEBHOOK_ERRORS = {
  WEBHOOK_STATUS: {
    message: 'The receiver answered {status} ({meaning}).',
    hint: 'It is tried again with growing pauses. `tidings deliveries` leads to the beginning of its answer.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_GONE: {
    message: 'The receiver answered 410 (Gone).',
    hint: 'It wants nothing any more. `tidings subscriptions resume NAME` goes on when that has changed.',
    retryable: false,
    exit: 1,
  },
  WEBHOOK_REDIRECT: {
    message: 'The receiver answered {status} and points to {to}; redirects are not followed.',
    hint: 'Change `to.webhook.url` to where the receiver is now.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_ADDRESS_REFUSED: {
    message: 'The receiver {host} is at {address}, which is a private address.',
    hint: "If it is meant, allow it: `webhooks.allowAddresses: ['{address}']`.",
    retryable: true,
    exit: 1,
  },
  WEBHOOK_DNS_FAILED: {
    message: 'The name of the receiver could not be resolved: {reason}.',
    hint: 'Compare the host in `to.webhook.url`, and see whether this machine reaches its resolver.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_CONNECT_FAILED: {
    message: 'The receiver cannot be reached: {reason}.',
    hint: 'See whether it runs and whether a firewall is between. It is tried again.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_TLS_FAILED: {
    message: 'The receiver could not be trusted, or did not trust us: {reason}.',
    hint: 'Renew its certificate, or set `to.webhook.tls.ca` to the authority that it has, and `cert` and `key` when it asks for ours.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_RESET: {
    message: 'The receiver closed the connection without an answer: {reason}.',
    hint: 'Whether it took the change is not known, so it is sent again under the same id.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_PROTOCOL: {
    message: 'What the receiver answered is no HTTP: {reason}.',
    hint: 'See whether another service listens there, or https is spoken where http is expected.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_ABORTED: {
    message: 'The attempt was cut short before the receiver answered.',
    hint: 'It is sent again under the same id.',
    retryable: true,
    exit: 1,
  },
  WEBHOOK_CERTIFICATE_UNREADABLE: {
    message: 'The certificate or key {path} of webhook {name} cannot be read: {reason}.',
    hint: 'Give the right to read it, or change `to.webhook.tls`.',
    retryable: false,
    exit: 64,
  },
  WEBHOOK_CERTIFICATE_INVALID: {
    message: 'The certificates of webhook {name} cannot be used: {reason}.',
    hint: 'Correct `to.webhook.tls`: PEM, whole, and a key without a passphrase that belongs to `cert`.',
    retryable: false,
    exit: 64,
  },
} as const satisfies Record<string, ErrorEntry>;
