// Signs in as a program on the TypeScript SDK does, by the SDK's own OAuth, with
// a person in front of a browser:
//   node oauth.mjs v1|v2 MCP-URL SIGN-IN-LINK [CLIENT-METADATA-URL]
// With a client metadata URL the app names itself by it; else it registers.
import assert from 'node:assert/strict'
import { Browser } from './browser.mjs'

const [version, url, link, document] = process.argv.slice(2)
const sdk = version === 'v1'
  ? { ...await import('@modelcontextprotocol/sdk/client/index.js'), ...await import('@modelcontextprotocol/sdk/client/streamableHttp.js'), ...await import('@modelcontextprotocol/sdk/client/auth.js') }
  : await import('@modelcontextprotocol/client')

// App is what an app keeps, as the SDK wants it: an OAuthClientProvider.
class App {
  registrations = 0
  asked = [] // authorization URLs

  constructor(port = 33418, client = undefined) {
    this.redirectUrl = `http://127.0.0.1:${port}/callback`
    this.clientMetadataUrl = document
    this.clientMetadata = { redirect_uris: [this.redirectUrl], client_name: `TypeScript SDK ${version}`, token_endpoint_auth_method: 'none' }
    this.client = client
  }

  state() { return (this.sent = crypto.randomUUID()) }
  clientInformation() { return this.client }
  saveClientInformation(client) {
    this.client = client
    if (client.client_id !== document) this.registrations++
  }
  tokens() { return this.kept }
  saveTokens(tokens) { this.kept = tokens }
  redirectToAuthorization(to) { this.asked.push(to) }
  saveCodeVerifier(verifier) { this.verifier = verifier }
  codeVerifier() { return this.verifier }
  saveDiscoveryState(found) { this.found = found }
  discoveryState() { return this.found }

  async connect() {
    this.transport = new sdk.StreamableHTTPClientTransport(new URL(url), { authProvider: this })
    const client = new sdk.Client({ name: 'iotman-e2e', version: '1.0.0' }, version === 'v1' ? {} : { versionNegotiation: { mode: 'auto' } })
    await client.connect(this.transport)
    return client
  }

  // answered gives the SDK what came back to the app's callback.
  async answered(callback) {
    assert.equal(callback.origin + callback.pathname, this.redirectUrl)
    assert.equal(callback.searchParams.get('state'), this.sent)
    assert.equal(callback.searchParams.get('iss'), new URL(url).origin)
    await this.transport.finishAuth(version === 'v1' ? callback.searchParams.get('code') : callback.searchParams)
  }

  // signIn goes from a 401 to a connected client.
  async signIn(decision) {
    const before = this.asked.length
    await assert.rejects(this.connect(), sdk.UnauthorizedError)
    assert.equal(this.asked.length, before + 1, 'the app sends the person to the browser')
    await this.answered(await browser.consent(this.asked.at(-1), decision))
    return this.connect()
  }
}

const call = async (client, name, args = {}) => {
  const result = await client.callTool({ name, arguments: args })
  assert.notEqual(result.isError, true, JSON.stringify(result))
  return result.structuredContent
}
const scopes = (app) => app.kept.scope.split(' ')

const browser = new Browser(url)
const home = await browser.signIn(link)
assert.equal(home.status, 200)
assert.match(home.text(), /admin@localhost/)

const app = new App()
const client = await app.signIn('allow')
assert.equal((await call(client, 'workspace_get')).slug, 'default')
assert.equal(app.asked[0].searchParams.get('resource'), url)
assert.equal(app.registrations, document ? 0 : 1)
if (document) assert.equal(app.asked[0].searchParams.get('client_id'), document)
console.log(`- SDK ${version}, ${document ? 'client metadata document' : 'registration'}: from a 401 to a tool call`)

const used = app.kept.refresh_token
app.kept = { ...app.kept, access_token: app.kept.access_token.slice(0, -8) + 'expired0' }
assert.equal((await call(client, 'workspace_get')).slug, 'default')
assert.notEqual(app.kept.refresh_token, used)
assert.equal(app.asked.length, 1, 'nobody was asked again')
console.log(`- SDK ${version}: a 401 makes it refresh, and its refresh token rotates`)

const second = new App(41999, app.client)
assert.equal((await call(await second.signIn('allow'), 'workspace_get')).slug, 'default')
assert.equal(second.registrations, 0)
assert.equal((await call(client, 'workspace_get')).slug, 'default', 'the first session goes on')
console.log(`- SDK ${version}: another loopback port of the same client, beside the first session`)

// A token that only reads is refused by name (RFC 6750 section 3.1), and the SDK
// goes for another. v1 first spends a refresh token on one that lacks the same
// (typescript-sdk issue 2255), and forgets what it had asked for: there the app
// keeps none, and only what was lacking is looked at.
const reader = new App(33418, app.client)
const reading = await reader.signIn('read')
assert.ok(scopes(reader).includes('data:read') && !scopes(reader).includes('sources:write'))
await call(reading, 'event_list')
if (version === 'v1') delete reader.kept.refresh_token
const name = `Step up ${version} ${document ? 'by document' : ''}`.trim()
await assert.rejects(call(reading, 'http_endpoint_create', { name }), sdk.UnauthorizedError)
const more = reader.asked[1].searchParams.get('scope').split(' ')
assert.ok(more.includes('sources:write') && (version === 'v1' || more.includes('data:read')), `the app asks for ${more}`)
await reader.answered(await browser.consent(reader.asked[1]))
assert.equal((await call(reading, 'http_endpoint_create', { name })).name, name)
if (version !== 'v1') await call(reading, 'event_list')
assert.equal(reader.asked.length, 2)
console.log(`- SDK ${version}: a 403 makes it ask for more, and it can do more then`)

const refused = new App(33418, app.client)
await assert.rejects(refused.connect(), sdk.UnauthorizedError)
const denied = await browser.consent(refused.asked[0], 'deny')
assert.equal(denied.searchParams.get('error'), 'access_denied')
assert.equal(denied.searchParams.get('iss'), new URL(url).origin)
await assert.rejects(refused.connect(), sdk.UnauthorizedError)
console.log(`- SDK ${version}: a person who denies lets nobody in`)
await Promise.all([client, reading].map((c) => c.close()))
