import { readFileSync } from 'node:fs';
import type { WebhookConfig } from '../../config/define-config.ts';
import { isPem } from '../../config/pem.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { certificateProblem, type Certificates } from '../../sink/webhook/certificates.ts';

/**
 * The certificates and the key of a webhook as text, whether they are written as such or as paths.
 * @throws TidingsError `WEBHOOK_CERTIFICATE_UNREADABLE`, `WEBHOOK_CERTIFICATE_INVALID`
 */
export function readCertificates(name: string, { tls }: WebhookConfig): Certificates {
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
