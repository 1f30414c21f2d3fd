import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** PEM text (RFC 7468). */
export interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[^-]*-----END \1-----/g;

/**
 * Why these cannot be used; null when they can. It has to be asked: OpenSSL passes over authorities
 * that it cannot read, and Node.js takes an empty `ca` for none and trusts the usual ones instead.
 */
export function certificateProblem({ ca, cert, key }: Certificates): string | null {
  return (
    problemOf('ca', ca, readCertificates) ??
    problemOf('cert', cert, readCertificates) ??
    problemOf('key', key, createPrivateKey) ??
    problemOf('key', key, () => createSecureContext({ cert, key }))
  );
}

function problemOf(
  part: keyof Certificates,
  text: string | undefined,
  read: (text: string) => unknown,
): string | null {
  if (text === undefined) return null;
  try {
    read(text);
    return null;
  } catch (error) {
    return `${part}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function readCertificates(text: string): readonly X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)];
  if (blocks.length === 0) throw new Error('there is no certificate in it');
  return blocks.map(([block]) => new X509Certificate(block));
}
