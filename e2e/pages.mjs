// Looks at every page as a browser shows it:
//   node pages.mjs FOLDER APP URL...
// Each URL in light and dark, narrow and wide: what axe-core finds, what the
// console says, what does not fit, what the keyboard does not reach, is a
// failure. A screenshot of each goes into FOLDER. APP is an app that a consent
// page redirects to.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { launch } from './launch.mjs'

const [folder, app, ...urls] = process.argv.slice(2)
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await launch()

// open shows a page; what the browser complains of is in said then.
const open = async (url, options) => {
  const page = await browser.newPage(options)
  const said = []
  page.on('console', (m) => said.push(m.text()))
  page.on('pageerror', (e) => said.push(String(e)))
  page.on('requestfailed', (r) => {
    const why = r.failure().errorText
    if (why !== 'net::ERR_ABORTED') said.push(`${r.url()}: ${why}`) // a page that is left no longer needs its icon
  })
  assert.equal((await page.goto(url)).status(), 200, url)
  return { page, said }
}

// violations runs axe-core, the best practices included.
const violations = async (page) => {
  await page.evaluate(axe)
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  assert.ok(passes.length > 10, `axe-core looked at ${passes.length} rules only`)
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`)
}

// tabbed returns what the keyboard reaches, and what it should, in order.
const tabbed = async (page) => {
  const wanted = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, [tabindex="0"]')].filter((e) => e.checkVisibility())
    all.forEach((e, i) => (e.dataset.place = i))
    return all.map((e) => e.dataset.place)
  })
  const got = []
  for (const _ of wanted) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const e = document.activeElement
      return { place: e.dataset.place, shown: getComputedStyle(e).outlineStyle !== 'none' }
    })
    assert.ok(at.shown, `the focus on ${at.place} does not show`)
    got.push(at.place)
  }
  return { got, wanted }
}

for (const url of urls) {
  const name = new URL(url).pathname.slice(1)
  for (const colorScheme of ['light', 'dark']) {
    const { page, said } = await open(url, { colorScheme, viewport: { width: 390, height: 800 }, reducedMotion: 'reduce' })
    const { got, wanted } = await tabbed(page)
    assert.deepEqual(got, wanted, `${url}: the keyboard's way`)
    await page.evaluate(() => document.activeElement.blur())
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 })
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true })
    }
    await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)))
    await page.setViewportSize({ width: 320, height: 800 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= 320, `${url}: ${wide} px wide at 320`)
    assert.deepEqual(await violations(page), [], `${url}, ${colorScheme}: axe-core`)
    assert.deepEqual(said, [], `${url}, ${colorScheme}: the console`)
    await page.close()
  }
}
console.log(`- ${urls.length} pages, light and dark: axe-core finds nothing, the console is silent, all fits 320 px, the keyboard reaches all`)

// decide presses a button, or Enter, on the consent page of an app, and returns
// where the browser ends, or what it says.
const decide = async (path, press, allowed = '&allowed=1') => {
  const { page, said } = await open(`${new URL(urls[0]).origin}/asks?redirect=${encodeURIComponent(app + path)}${allowed}`, { ignoreHTTPSErrors: true })
  await press(page)
  for (let i = 0; i < 100 && said.length === 0 && (await page.textContent('body')) !== 'done'; i++) await page.waitForTimeout(50)
  const at = page.url()
  await page.close()
  return said.length > 0 ? said.join(' ') : at
}
const click = (value) => (page) => page.click(`button[value=${value}]`)
assert.match(await decide('/callback', click('allow')), /\/callback\?.*decision=allow.*permission=data%3Aread/)
assert.match(await decide('/callback', click('read')), /decision=read/)
const enter = async (page) => {
  await page.focus('input[type=checkbox]')
  await page.keyboard.press('Enter')
}
assert.match(await decide('/callback', enter), /decision=deny/)
assert.match(await decide('/onward', click('allow')), /^https:.*\/done$/)
assert.match(await decide('/callback', click('allow'), ''), /form-action/)
console.log('- the answer reaches the app, and a page that the app redirects to; Enter denies; where form-action leads nowhere, nothing does')
await browser.close()
