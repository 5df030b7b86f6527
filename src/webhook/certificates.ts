import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What is wrong with a file of certificates, in words for who configured it. */
export class CertificateError extends Error {}

/**
 * The certificates in a PEM file, one or more, for `trusting`. @throws CertificateError where it cannot be read, has none, or one that is
 * none: Node would pass over it without a word, and every webhook that needs it would fail.
 */
export function readCertificates(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CertificateError(`The certificates in ${path} cannot be read`, { cause: error });
  }
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new CertificateError(`${path} has no certificate; a PEM file is needed, with lines that say BEGIN CERTIFICATE and END CERTIFICATE`);
  found.forEach((pem, index) => {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw new CertificateError(`Certificate ${index + 1} in ${path} is damaged`, { cause: error });
    }
  });
  return found;
}

/** Trusts these certificates besides those that Node trusts. Made once: reading all the well-known ones takes a while. */
export function trusting(certificates: readonly string[]): tls.SecureContext {
  // Node 20 does not tell what else it trusts (NODE_EXTRA_CA_CERTS).
  const { getCACertificates }: Partial<Pick<typeof tls, 'getCACertificates'>> = tls;
  return tls.createSecureContext({ ca: [...(getCACertificates?.('default') ?? tls.rootCertificates), ...certificates] });
}
