// Talks OAuth to a server by two libraries that know nothing of it but what its
// metadata says, and that check every answer against the RFCs:
//   CLIENT_ID=… CLIENT_SECRET=… node libraries.mjs ORIGIN SIGN-IN-LINK
// The client is one of the workspace, with client credentials and data:read.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { Browser } from './browser.mjs'

const [origin, link] = process.argv.slice(2)
const issuer = new URL(origin)
const resource = `${origin}/mcp/default`
const redirect_uri = 'http://127.0.0.1:33419/callback'
const insecure = { [oauth.allowInsecureRequests]: true } // it is http, on loopback

const browser = new Browser(origin)
await browser.signIn(link)

const call = async (token, path = '') => {
  const res = await fetch(`${origin}/api/v1/workspaces/default${path}`, { headers: { authorization: `Bearer ${token}` } })
  return res.status
}

// What the server says of itself: RFC 8414 and, for who looks only there, OpenID
// Connect Discovery; RFC 9728 for the resource.
const described = {}
for (const algorithm of ['oauth2', 'oidc']) {
  described[algorithm] = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }))
}
assert.deepEqual(described.oauth2, described.oidc)
const as = described.oauth2
const protectedResource = await oauth.processResourceDiscoveryResponse(new URL(resource), await oauth.resourceDiscoveryRequest(new URL(resource), insecure))
assert.deepEqual([protectedResource.resource, protectedResource.authorization_servers], [resource, [origin]])
console.log('- oauth4webapi: the metadata of the server and of the resource')

// A client with a secret, so that introspection is open to it.
const register = async (metadata) =>
  oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, { redirect_uris: [redirect_uri], ...metadata }, insecure))
const authorize = async (parameters) => {
  const to = new URL(as.authorization_endpoint)
  to.search = new URLSearchParams({ response_type: 'code', redirect_uri, resource, code_challenge_method: 'S256', ...parameters })
  return browser.consent(to)
}

for (const method of ['client_secret_basic', 'client_secret_post', 'none']) {
  const client = await register({ client_name: `oauth4webapi ${method}`, token_endpoint_auth_method: method })
  assert.equal(client.token_endpoint_auth_method, method)
  const proof = { client_secret_basic: oauth.ClientSecretBasic, client_secret_post: oauth.ClientSecretPost, none: oauth.None }[method](client.client_secret)
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const callback = await authorize({ client_id: client.client_id, state, scope: 'data:read sources:read', code_challenge: await oauth.calculatePKCECodeChallenge(verifier) })
  const answer = oauth.validateAuthResponse(as, client, callback, state)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client,
    await oauth.authorizationCodeGrantRequest(as, client, proof, answer, redirect_uri, verifier, { additionalParameters: { resource }, ...insecure }))
  assert.equal(tokens.scope, 'sources:read data:read')
  const claims = await verified(tokens.access_token)
  assert.deepEqual([claims.client_id, claims.scope], [client.client_id, tokens.scope])

  const again = await oauth.authorizationCodeGrantRequest(as, client, proof, answer, redirect_uri, verifier, insecure)
  await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, again), (e) => e.error === 'invalid_grant')
  assert.equal(await call(tokens.access_token), 401, 'a code that came twice takes its tokens with it')
  console.log(`- oauth4webapi, ${method}: code, PKCE, iss, a token by RFC 9068; a code works once`)
}

// verified checks an access token as a resource server does (RFC 9068), with the
// keys that the server publishes.
async function verified(token) {
  const request = new Request(resource, { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(as, request, resource, insecure)
}

const config = await openid.dynamicClientRegistration(issuer, {
  client_name: 'openid-client', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'client_secret_basic',
}, undefined, { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] })
const verifier = openid.randomPKCECodeVerifier()
const to = openid.buildAuthorizationUrl(config, {
  redirect_uri, scope: 'workspace:read data:read', resource, code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})
let tokens = await openid.authorizationCodeGrant(config, await browser.consent(to), { pkceCodeVerifier: verifier })
assert.equal(await call(tokens.access_token), 200)
const told = await openid.tokenIntrospection(config, tokens.access_token)
assert.deepEqual([told.active, told.scope, told.aud, told.username], [true, tokens.scope, resource, 'admin@localhost'])
console.log('- openid-client: code, PKCE, no state, introspection')

const first = tokens.refresh_token
tokens = await openid.refreshTokenGrant(config, first, { scope: 'workspace:read data:read data:write' })
assert.notEqual(tokens.refresh_token, first)
assert.equal(tokens.scope, 'workspace:read data:read', 'a refresh widens nothing')
assert.equal(await call(tokens.access_token), 200)
await openid.tokenRevocation(config, tokens.refresh_token)
assert.deepEqual(await openid.tokenIntrospection(config, tokens.access_token), { active: false })
assert.equal(await call(tokens.access_token), 401)
await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), (e) => e.error === 'invalid_grant')

console.log('- openid-client: refresh; revocation ends the grant')

// A machine of its own: a client that the workspace made, which holds data:read.
const [id, secret] = [process.env.CLIENT_ID, process.env.CLIENT_SECRET]
for (const proof of [openid.ClientSecretBasic, openid.ClientSecretPost]) {
  const machine = await openid.discovery(issuer, id, undefined, proof(secret), { execute: [openid.allowInsecureRequests] })
  const managing = await openid.clientCredentialsGrant(machine, { resource })
  assert.equal(managing.refresh_token, undefined)
  assert.equal((await verified(managing.access_token)).sub, `client:${id}`)
  assert.equal(await call(managing.access_token, '/events'), 200)
  assert.equal(await call(managing.access_token, '/clients'), 403)
  const data = await openid.clientCredentialsGrant(machine)
  assert.equal(await call(data.access_token, '/events'), 401, 'a token for data manages nothing')
  assert.equal((await openid.tokenIntrospection(machine, data.access_token)).aud, 'default')
  await openid.tokenRevocation(machine, managing.access_token)
  assert.deepEqual(await openid.tokenIntrospection(machine, managing.access_token), { active: false })
}
await assert.rejects(openid.clientCredentialsGrant(config, { resource }), (e) => e.error === 'unauthorized_client')
const impostor = await openid.discovery(issuer, id, undefined, openid.ClientSecretBasic('wrong'), { execute: [openid.allowInsecureRequests] })
await assert.rejects(openid.clientCredentialsGrant(impostor), (e) => e.status === 401 && e.cause[0].scheme === 'basic')
console.log('- openid-client: client credentials, for management and for data; only for who may')
