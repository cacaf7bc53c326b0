// Publishes a client ID metadata document over https, until it is stopped:
//   node document.mjs CERTIFICATE KEY
// It prints the document's URL. The document lets an app be answered on every
// loopback port, as apps on people's computers have it.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [cert, key] = process.argv.slice(2)
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (req, res) => {
  const id = `https://localhost:${server.address().port}/client.json`
  if (req.url !== '/client.json') return res.writeHead(404).end()
  res.writeHead(200, { 'Content-Type': 'application/json' })
  res.end(JSON.stringify({
    client_id: id, client_name: 'An app with a document', client_uri: new URL('/', id).href, redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none',
  }))
})
server.listen(0, '127.0.0.1', () => console.log(`https://localhost:${server.address().port}/client.json`))
