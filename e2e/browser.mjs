// A browser in as far as sign-in needs one: fetch with cookies, redirects and
// forms. It fills in forms by what the page offers, so that a page that lacks
// something fails here as it would in front of a person.
import assert from 'node:assert/strict'

const entities = { amp: '&', lt: '<', gt: '>', quot: '"' }
const unescape = (s) => s.replace(/&(?:#(\d+)|(\w+));/g, (all, n, name) => (n ? String.fromCodePoint(n) : entities[name] ?? all))
const attribute = (tag, name) => {
  const value = new RegExp(`\\s${name}(?:="([^"]*)")?(?=[\\s>])`).exec(tag)
  return value && unescape(value[1] ?? '')
}

// Page is what a URL showed. Its url is where the redirects ended: also one of
// another origin, which was not asked for; its status is 0 then.
class Page {
  constructor(browser, url, status, html) {
    Object.assign(this, { browser, url, status, html })
  }

  // submit sends the form with this action and the button of this value, if
  // any. Fields are set, a list is the boxes to tick, and everything else is as
  // the page has it.
  submit(action, fields = {}, button = '') {
    const form = [...this.html.matchAll(/(<form[^>]*>)([^]*?)<\/form>/g)].find(([, tag]) => attribute(tag, 'action') === action)
    assert.ok(form, `${this.url.href} has no form for ${action}: ${this.status} ${this.text()}`)
    const body = new URLSearchParams()
    const offered = new Set()
    for (const [tag] of form[2].matchAll(/<(?:input|button)[^>]*>/g)) {
      const [name, type, value] = ['name', 'type', 'value'].map((a) => attribute(tag, a))
      if (!name) continue
      offered.add(name)
      if (tag.startsWith('<button') ? value !== button : type === 'checkbox' ? !this.ticked(tag, fields[name]) : false) continue
      body.append(name, type === 'checkbox' ? value : fields[name] ?? value ?? '')
    }
    for (const name of Object.keys(fields)) assert.ok(offered.has(name), `the form for ${action} has no field ${name}`)
    assert.ok(!button || [...body.values()].includes(button), `the form for ${action} has no button ${button}`)
    return this.browser.open(new URL(action, this.url), { method: 'POST', body, headers: { origin: this.url.origin } })
  }

  ticked(tag, wanted) {
    return wanted ? wanted.includes(attribute(tag, 'value')) : attribute(tag, 'checked') !== null
  }

  text() {
    return unescape(/<body>([^]*)<\/body>/.exec(this.html)?.[1].replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim() ?? this.html)
  }
}

export class Browser {
  #cookies = new Map()

  constructor(origin) {
    this.origin = new URL(origin).origin
  }

  // open asks for a URL and follows where it leads, within the origin.
  async open(url, init = {}) {
    url = new URL(url)
    for (let hops = 0; url.origin === this.origin; hops++) {
      assert.ok(hops < 10, `more than ten redirects, to ${url.href}`)
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const res = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
      for (const line of res.headers.getSetCookie()) this.#keep(line)
      const next = res.headers.get('location')
      if (!next) return new Page(this, url, res.status, await res.text())
      assert.equal(res.status, 303, `the redirect from ${url.pathname}`) // a form must not go along
      url = new URL(next, url)
      init = {}
    }
    return new Page(this, url, 0, '')
  }

  #keep(line) {
    const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
    assert.match(line, /; HttpOnly/)
    assert.match(line, /; SameSite=Lax/)
    if (/; Max-Age=0/.test(line)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }

  // signIn uses a link, as from the console or a mail. It returns the page that
  // the person lands on.
  async signIn(link) {
    const page = await this.open(link)
    return page.submit('/signin/confirm')
  }

  // consent opens an authorization request and answers it: allow, read or deny;
  // permissions are the boxes to tick, instead of those that are. It returns
  // the URL that the app is answered at.
  async consent(request, decision = 'allow', permissions = undefined) {
    const page = await this.open(request)
    const answer = await page.submit('/oauth/consent', permissions ? { permission: permissions } : {}, decision)
    assert.equal(answer.status, 0, `the consent was answered with ${answer.status} ${answer.text?.()}`)
    return answer.url
  }
}
