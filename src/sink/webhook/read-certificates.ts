import { readFileSync } from 'node:fs';
import { TidingsError } from '../../errors/tidings-error.ts';
import { isPem } from '../../option/pem.ts';
import { certificateProblem, type Certificates } from './certificates.ts';

/**
 * The certificates of a webhook as PEM text, from its settings or the files that they name.
 * @throws TidingsError `WEBHOOK_CERTIFICATE_UNREADABLE`, `WEBHOOK_CERTIFICATE_INVALID`
 */
export function readCertificates(name: string, tls: Certificates): Certificates {
  const read = (written: string): string => (isPem(written) ? written : readPem(name, written));
  const texts: Certificates = Object.fromEntries(
    Object.entries(tls).map(([part, written]: [string, string]) => [part, read(written)]),
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
