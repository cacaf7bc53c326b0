// A client whose types openapi-typescript made of /openapi.json (api.d.ts, beside
// the copy of this file that openapi.sh makes), and whose requests openapi-fetch
// makes of those types. tsc checks it before it runs; a line that it has to
// refuse has @ts-expect-error above it.
//
//   node openapi.ts URL TOKEN
import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './api.d.ts'

const [baseUrl, token] = process.argv.slice(2)
// The document says of arrays in queries: style form, explode false.
const querySerializer = { array: { style: 'form', explode: false } } as const
const api = createClient<paths>({ baseUrl: baseUrl!, querySerializer, headers: { Authorization: `Bearer ${token}` } })
const stranger = createClient<paths>({ baseUrl: baseUrl! })
const workspace = 'default'

const problem = (answer: { response: Response; error?: components['schemas']['Problem'] }, status: number, code: string) => {
  assert.equal(answer.response.status, status)
  assert.equal(answer.response.headers.get('Content-Type'), 'application/problem+json')
  assert.ok(answer.error)
  assert.deepEqual([answer.error.status, answer.error.code], [status, code])
  assert.ok(answer.error.detail && answer.error.error === answer.error.detail)
  return answer.error
}

// Create an endpoint, and read it back.
const { data: made, response: created } = await api.POST('/api/v1/workspaces/{workspace}/http-endpoints', {
  params: { path: { workspace } },
  body: { name: 'Generated', url_path: 'generated', auth: 'none', rate_limit: 1000 },
})
assert.equal(created.status, 201)
assert.ok(made)
assert.equal(made.url, `${baseUrl}/data/default/generated`)
const at = { path: { workspace, source_id: made.id } }
const { data: read } = await api.GET('/api/v1/workspaces/{workspace}/http-endpoints/{source_id}', { params: at })
assert.deepEqual(read, made)
const { data: endpoints } = await api.GET('/api/v1/workspaces/{workspace}/http-endpoints', { params: { path: { workspace } } })
assert.deepEqual(endpoints?.map((e) => e.slug), ['generated'])
console.log('- an endpoint was created and read back')

// Post events: an array, and NDJSON.
const ingest = { path: { workspace, url_path: made.url_path } }
const array = await stranger.POST('/data/{workspace}/{url_path}', { params: ingest, body: [{ n: 1 }, { n: 2 }, { n: 3 }] })
const lines = await stranger.POST('/data/{workspace}/{url_path}', {
  params: ingest, headers: { 'Content-Type': 'application/x-ndjson' }, body: '{"n": 4}\n{"n": 5}\n', bodySerializer: (b) => b as string,
})
assert.deepEqual([array.response.status, array.data?.ids?.length, lines.response.status, lines.data?.ids?.length], [202, 3, 202, 2])
console.log('- events were posted, as an array and as NDJSON')

// List pages, by the cursor of the Link header.
const seen: unknown[] = []
let pages = 0
for (let cursor: string | undefined; pages === 0 || cursor; pages++) {
  const { data: page, response } = await api.GET('/api/v1/workspaces/{workspace}/events', {
    params: { path: { workspace }, query: { source: made.id, limit: 2, fields: ['id', 'payload.n'], cursor } },
  })
  assert.ok(page && pages < 10)
  seen.push(...page.map((e) => e.payload))
  assert.ok(page.every((e) => e.id && e.seq === undefined), 'only the fields that were asked for')
  const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1]
  cursor = next && new URL(next).searchParams.get('cursor')!
}
assert.deepEqual([seen, pages], [[5, 4, 3, 2, 1].map((n) => ({ n })), 3])
const id = array.data!.ids![0]!
const { data: first } = await api.GET('/api/v1/workspaces/{workspace}/events/{event_id}', { params: { path: { workspace, event_id: id } } })
assert.deepEqual([first?.id, first?.source_id, first?.payload], [id, made.id, { n: 1 }])
console.log('- 5 events on 3 pages, newest first; one by its id')

// Refusals are problems, typed as such.
problem(await api.GET('/api/v1/workspaces/{workspace}/events/{event_id}', {
  params: { path: { workspace, event_id: '01a20216-fede-729f-8cb0-a7155f743a16' } },
}), 404, 'not_found')
const limit = problem(await api.GET('/api/v1/workspaces/{workspace}/events', { params: { path: { workspace }, query: { limit: 0 } } }), 400, 'invalid')
assert.equal(limit.field, '/limit')
const unnamed = problem(await api.POST('/api/v1/workspaces/{workspace}/http-endpoints', {
  params: { path: { workspace } },
  // @ts-expect-error: name is required, and auth is one of three
  body: { auth: 'magic' },
}), 400, 'invalid')
assert.deepEqual(unnamed.errors?.length, 2)
problem(await stranger.GET('/api/v1/workspaces/{workspace}/events', { params: { path: { workspace } } }), 401, 'unauthenticated')
// @ts-expect-error: the document has no such path
const nowhere: { response: Response; error?: components['schemas']['Problem'] } = await api.GET('/api/v1/nowhere', {})
problem(nowhere, 404, 'not_found')
// @ts-expect-error: an id is text
assert.throws(() => made.id.toFixed())

// Change it, refuse a stale change, delete it.
const path = '/api/v1/workspaces/{workspace}/http-endpoints/{source_id}'
const { data: changed } = await api.PUT(path, { params: at, body: { name: 'Renamed', rate_limit: null } })
assert.deepEqual([changed?.name, changed?.rate_limit, changed?.version], ['Renamed', undefined, made.version + 1])
const stale = await api.PUT(path, { params: at, body: { name: 'Late', version: made.version } })
assert.deepEqual((problem(stale, 412, 'stale').current as typeof changed)?.version, changed?.version)
const { data: deleted } = await api.DELETE(path, { params: at })
assert.equal(deleted?.status, 'deleted')
problem(await api.GET(path, { params: at }), 404, 'not_found')
console.log('- problems are typed; change, stale change and delete')
