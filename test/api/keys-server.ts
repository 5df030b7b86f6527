import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** What a token says; undefined leaves a claim out. */
export type Claims = Record<string, unknown>;

/** A key pair of an issuer: its public half as a JWK, and tokens signed with the private one. */
export async function issuerKey(alg: 'RS256' | 'ES256', kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...await exportJWK(publicKey), kid, alg }, sign: (claims: Claims, header: { kid?: string } = { kid }) => signWith(privateKey, { alg, ...header }, claims) };
}

/** A token that is valid for a minute unless the claims say otherwise. */
export async function signWith(key: CryptoKey | Uint8Array, header: { alg: string; kid?: string }, claims: Claims): Promise<string> {
  return await new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 60, ...claims }).setProtectedHeader(header).sign(key);
}

/** Serves a set of keys as an issuer does. `answer` is what it does next: the set, another status or body, or no answer at all. */
export async function startKeysServer(keys: JWK[]) {
  const state = { keys, asked: 0, answer: 'keys' as 'keys' | 'silence' | { status: number; body: string; location?: string } };
  const server = createServer((_request, response) => {
    state.asked += 1;
    const { answer } = state;
    if (answer === 'silence') return;
    if (answer === 'keys') response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: state.keys }));
    else response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location }).end(answer.body);
  });
  const listen = (port: number) => new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve); });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    state, url: `http://127.0.0.1:${port}/keys`,
    down: () => new Promise<void>((resolve) => { server.close(() => resolve()); server.closeAllConnections(); }),
    up: () => listen(port),
  };
}
