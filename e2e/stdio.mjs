// Calls a tool over the standard input and output of a program, as an agent does
// that speaks nothing else:
//   node stdio.mjs PROGRAM [ARGUMENTS]
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const [command, ...args] = process.argv.slice(2)
const client = new Client({ name: 'iotman-e2e', version: '1.0.0' })
await client.connect(new StdioClientTransport({ command, args, env: process.env }), { timeout: 50_000 })
const { structuredContent } = await client.callTool({ name: 'workspace_get', arguments: {} })
assert.equal(structuredContent.slug, 'default')
console.log(`workspace_get answers ${structuredContent.name}`)
await client.close()
