// Talks to a server as a program on the TypeScript SDK v1 does:
//   node sdk.mjs MCP-URL TOKEN NUMBER-OF-EVENTS
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const [url, token, count] = process.argv.slice(2)
const connect = async (target, headers) => {
  const client = new Client({ name: 'iotman-e2e', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers } }))
  return client
}
const bearer = { Authorization: `Bearer ${token}` }
const client = await connect(url, bearer)
console.log('- connected, protocol', client.transport.protocolVersion ?? client.getServerVersion())
assert.match(client.getInstructions(), /workspace/)

const { tools, nextCursor } = await client.listTools() // from here on it checks answers against outputSchema
assert.equal(nextCursor, undefined, 'all tools are on one page')
for (const t of tools) {
  assert.ok(t.title && t.description && t.name.length <= 25, t.name)
  for (const hint of ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint']) assert.equal(typeof t.annotations[hint], 'boolean', t.name)
}
console.log(`- ${tools.length} tools, each with a title and every hint`)

const endpoints = await client.callTool({ name: 'http_endpoint_list', arguments: {} })
assert.deepEqual(endpoints.structuredContent.items.map((e) => e.slug), ['greenhouse'])

const ids = new Set()
let cursor, pages = 0, expected = Number(count)
do {
  const { structuredContent: page, content } = await client.callTool({ name: 'event_list', arguments: { limit: 100, cursor } })
  for (const e of page.items) {
    assert.deepEqual([e.seq, e.payload], [expected, { n: expected - 1, note: 'ä<&"\u2028' }])
    expected--
    ids.add(e.id)
  }
  assert.deepEqual(page.untrusted, ['items[].payload', 'items[].tags', 'items[].meta'])
  assert.equal(JSON.parse(content[0].text).items.length, page.items.length, 'the text is the same page')
  cursor = page.next_cursor
} while (pages++ < 1000 && cursor)
assert.deepEqual([expected, ids.size], [0, Number(count)])
assert.ok(pages >= Number(count) / 100, `${pages} pages of at most 100`)
console.log(`- ${ids.size} events on ${pages} pages, as structured content and as text`)

for (const [name, args, told] of [
  ['event_list', { limt: 5 }, /unknown field.*limt/],
  ['event_list', { limit: 0 }, /limit/],
  ['event_get', { event_id: '01a20216-fede-729f-8cb0-a7155f743a16' }, /no event has this id/],
]) {
  const failed = await client.callTool({ name, arguments: args })
  assert.equal(failed.isError, true)
  assert.match(failed.content[0].text, told)
}
await assert.rejects(client.callTool({ name: 'event_lost', arguments: {} }), /not found/)
console.log('- mistakes are results with isError, and say what to mend')

const lean = await connect(`${url}?mode=lean`, bearer)
assert.ok((await lean.listTools()).tools.every((t) => t.annotations.readOnlyHint))
await assert.rejects(connect(url, {}), /Unauthorized|401/)
await Promise.all([client.close(), lean.close()])
console.log('- lean only reads; without a token nobody gets in')
