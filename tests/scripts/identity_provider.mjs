// A real OpenID Connect provider (the npm package oidc-provider) for tests: identity_provider.mjs FOLDER PORT PEOPLE REDIRECT_URL
//
// FOLDER has the package, PEOPLE is a file of JSON with what is said of each person, read each time: {"alice": {"groups": ["ml"]}}.
// Whoever types a name signs on by it. Programs get tokens by client credentials, which are signed as the resource's name ends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, port, people, redirectUrl] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(folder, 'node_modules/oidc-provider/lib/index.js')));
const jose = await import(pathToFileURL(join(folder, 'node_modules/jose/dist/webapi/index.js')));

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];

/** A key for one algorithm, new each time that the provider starts. */
async function keyFor(alg) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${Date.now()}` };
}

const said = (name) => ({ preferred_username: name, ...JSON.parse(readFileSync(people, 'utf8'))[name] });
const grants = { grant_types: ['authorization_code', 'client_credentials'], response_types: ['code'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: await Promise.all(ALGORITHMS.map(keyFor)) },
  clients: [
    { client_id: 'mlferry', client_secret: 'a secret: of mlferry', redirect_uris: [redirectUrl], ...grants },
    { client_id: 'public', token_endpoint_auth_method: 'none', redirect_uris: [redirectUrl], grant_types: ['authorization_code'] },
    { client_id: 'robot', client_secret: 'secret', redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
  ],
  pkce: { required: () => true },
  cookies: { keys: ['not a secret'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  // What is asked for stands in the token itself.
  conformIdTokenClaims: false,
  enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...said(id) }) }),
  extraTokenClaims: (_, token) => said(token.clientId),
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => [],
      getResourceServerInfo: (_, resource) => {
        const [audience, alg] = new URL(resource).pathname.slice(1).split('/');
        return { scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } } };
      },
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
