// A reverse proxy that adds an access token, for clients that cannot send one:
//
//   TOKEN=… node proxy.mjs http://127.0.0.1:8080
//
// It prints its own URL. Everything else passes as it came, Host and Origin
// too, so that the server judges what the client sent.
import http from 'node:http'

const target = new URL(process.argv[2])
const proxy = http.createServer((req, res) => {
  const headers = [...req.rawHeaders, 'Authorization', `Bearer ${process.env.TOKEN}`]
  const forward = http.request({ host: target.hostname, port: target.port, method: req.method, path: req.url, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.rawHeaders)
    answer.pipe(res)
  })
  forward.on('error', () => res.destroy())
  res.on('close', () => forward.destroy())
  req.pipe(forward)
})
proxy.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${proxy.address().port}`))
