// Talks to a server as a program on the TypeScript SDK v2 does, in both eras of
// the protocol:
//   node sdk2.mjs MCP-URL TOKEN READ-ONLY-TOKEN
import assert from 'node:assert/strict'
import { Client, InsufficientScopeError, ProtocolError, ProtocolErrorCode, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'

const [url, token, readOnly] = process.argv.slice(2)
const connect = async (mode, token) => {
  const client = new Client({ name: 'iotman-e2e', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => token } }))
  return client
}

const versions = [['legacy', '2025-11-25'], [{ pin: '2026-07-28' }, '2026-07-28'], ['auto', '2026-07-28']]
for (const [mode, version] of versions) {
  const client = await connect(mode, token)
  assert.equal(client.getNegotiatedProtocolVersion(), version)
  assert.equal(client.getServerVersion().name, 'iotman')
  assert.match(client.getInstructions(), /workspace/)

  // From the list on, callTool checks answers against the tools' outputSchema,
  // and throws where one does not fit or is missing.
  const { tools, nextCursor } = await client.listTools()
  assert.equal(nextCursor, undefined)
  const event_list = tools.find((t) => t.name === 'event_list')
  assert.ok(event_list.outputSchema.properties.items)

  const call = async (name, args = {}) => {
    const result = await client.callTool({ name, arguments: args })
    assert.notEqual(result.isError, true, JSON.stringify(result))
    return result.structuredContent
  }
  const before = await call('http_endpoint_list')
  const made = await call('http_endpoint_create', { name: `TypeScript ${JSON.stringify(mode)}` })
  const after = await call('http_endpoint_list')
  assert.deepEqual(after.items.map((e) => e.id).filter((id) => id !== made.id), before.items.map((e) => e.id))
  const posted = await fetch(made.url, { method: 'POST', body: '{"temperature": 21.5}' })
  assert.equal(posted.status, 202)
  const events = await call('event_list', { source: made.id })
  assert.deepEqual(events.items.map((e) => e.payload), [{ temperature: 21.5 }])
  assert.deepEqual(events.untrusted, ['items[].payload', 'items[].tags', 'items[].meta'])

  for (const [args, field] of [[{ limt: 5 }, /limt/], [{ limit: 'many' }, /limit/]]) {
    const failed = await client.callTool({ name: 'event_list', arguments: args })
    assert.equal(failed.isError, true)
    assert.match(failed.content[0].text, field)
  }
  await assert.rejects(client.callTool({ name: 'event_lost' }), (e) => e instanceof ProtocolError && e.code === ProtocolErrorCode.InvalidParams)

  const reader = await connect(mode, readOnly)
  const shown = (await reader.listTools()).tools.map((t) => t.name)
  assert.ok(shown.includes('event_list') && !shown.includes('http_endpoint_create'))
  const refused = reader.callTool({ name: 'http_endpoint_create', arguments: { name: 'Never' } })
  await assert.rejects(refused, (e) => e instanceof InsufficientScopeError && e.requiredScope === 'sources:write' &&
    e.resourceMetadataUrl.href === new URL('/.well-known/oauth-protected-resource/mcp/default', url).href)
  await assert.rejects(connect(mode, 'nonsense'), (e) => e instanceof UnauthorizedError)
  await Promise.all([client.close(), reader.close()])
  console.log(`- TypeScript SDK v2, ${JSON.stringify(mode)}, protocol ${version}: list, call, create, schema, mistakes, scope`)
}
