// A person in front of a browser, for programs that want one:
//   node person.mjs SIGN-IN-LINK AUTHORIZATION-URL [allow|read|deny]
// signs in, consents, and lets the browser go where the program waits. It
// prints that URL.
import assert from 'node:assert/strict'
import { Browser } from './browser.mjs'

const [link, request, decision] = process.argv.slice(2)
const browser = new Browser(link)
await browser.signIn(link)
const callback = await browser.consent(request, decision)
console.log(callback.href)
const answered = await fetch(callback)
assert.ok(answered.ok, `the program answered its callback with ${answered.status}: ${await answered.text()}`)
