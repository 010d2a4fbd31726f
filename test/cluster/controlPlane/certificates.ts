/** A certificate authority of a test's own, and what Kubernetes needs from it. Everything is P-256 and ends within a day. */
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const VALID_MS = 24 * 3_600_000;
/** Clocks may differ a little where the files are taken elsewhere. */
const BACKDATED_MS = 60_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

x509.cryptoProvider.set(webcrypto as never);

/** A certificate and its key, both PEM. */
export interface Credentials {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Subject {
  /** Common name: to Kubernetes the user's name. */
  readonly name: string;
  /** Organisations: to Kubernetes the user's groups. */
  readonly groups?: readonly string[];
}

export class CertificateAuthority {
  readonly credentials: Credentials;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate, credentials: Credentials) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.credentials = credentials;
  }

  static async create(name: string): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const usage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: distinguishedName({ name }),
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity(),
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(usage, true)],
    });
    return new CertificateAuthority(keys, certificate, { certPem: certificate.toString("pem"), keyPem: await privatePem(keys) });
  }

  /** The authority whose files somebody else has made with `create`. */
  static async open(credentials: Credentials): Promise<CertificateAuthority> {
    const certificate = new x509.X509Certificate(credentials.certPem);
    const pkcs8 = createPrivateKey(credentials.keyPem).export({ type: "pkcs8", format: "der" });
    const privateKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    const spki = new NodeCertificate(credentials.certPem).publicKey.export({ type: "spki", format: "der" });
    const publicKey = await webcrypto.subtle.importKey("spki", spki, ALGORITHM, true, ["verify"]);
    return new CertificateAuthority({ privateKey, publicKey } as webcrypto.CryptoKeyPair, certificate, credentials);
  }

  /** For a program that others call: the API server, a kubelet. @param hosts addresses and names that it answers to. */
  serving(subject: Subject, hosts: readonly string[]): Promise<Credentials> {
    const names = hosts.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
    return this.#issue(subject, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]), new x509.SubjectAlternativeNameExtension(names)]);
  }

  /** For whoever calls: Kubernetes takes the user from the subject. */
  client(subject: Subject): Promise<Credentials> {
    return this.#issue(subject, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]);
  }

  async #issue(subject: Subject, extensions: x509.Extension[]): Promise<Credentials> {
    const keys = await generateKeys();
    const usage = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
    const certificate = await x509.X509CertificateGenerator.create({
      subject: distinguishedName(subject),
      issuer: this.#certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(),
      extensions: [new x509.KeyUsagesExtension(usage, true), await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey), ...extensions],
    });
    return { certPem: certificate.toString("pem"), keyPem: await privatePem(keys) };
  }
}

/** The pair of keys with which service account tokens are signed and checked: RSA, as everywhere. */
export function serviceAccountKeys(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { privatePem: privateKey.export({ type: "pkcs8", format: "pem" }) as string, publicPem: publicKey.export({ type: "spki", format: "pem" }) as string };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY");
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - BACKDATED_MS), notAfter: new Date(Date.now() + VALID_MS) };
}

function distinguishedName({ name, groups = [] }: Subject): x509.JsonName {
  return [...groups.map((group) => ({ O: [group] })), { CN: [name] }];
}
