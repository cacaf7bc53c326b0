// Signs in with a browser, as a person does: the Inspector's page sends them to
// the server, a link arrives on its console, they consent, and the Inspector
// calls a tool. Screenshots of every page, light and dark, on a phone and on a
// desktop, go into FOLDER:
//   node chromium.mjs FOLDER MCP-URL CONSOLE INSPECTOR-URL
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from './launch.mjs'

const [folder, mcp, output, inspector] = process.argv.slice(2)
const { origin } = new URL(mcp)
const browser = await launch()
let shots = 0

// person is a browser of somebody's own. What it complains of on a page of the
// server, such as a policy that forbids something, is a failure.
const person = async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', (m) => {
    const told = m.type() === 'error' && !m.text().startsWith('Failed to load resource: the server responded with a status of 4')
    if (told && page.url().startsWith(origin)) throw new Error(`${page.url()}: ${m.text()}`)
  })
  return page
}

const shoot = async (page, name) => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const [device, width] of [['desktop', 1280], ['phone', 390]]) {
      await page.setViewportSize({ width, height: 800 })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(wide <= width, `${name}: ${wide} px wide on a ${device}`)
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${device}.png`), fullPage: true })
      shots++
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const shows = (page, heading) => page.getByRole('heading', { level: 1, name: heading }).waitFor()

// mailed returns the links that the console has, oldest first.
const mailed = async () => (await readFile(output, 'utf8')).match(/http\S*\/signin\/link\?token=\w+/g) ?? []

// mail asks for a link on the sign-in page, and returns it.
const mail = async (page) => {
  const before = (await mailed()).length
  await page.getByLabel('Email address').first().fill('admin@localhost')
  await press(page, 'Email me a sign-in link')
  await shows(page, 'Look at your mail')
  for (let i = 0; i < 100; i++) {
    const links = await mailed()
    if (links.length > before) return links.at(-1)
    await page.waitForTimeout(50)
  }
  throw new Error('no link on the console within 5 s')
}

// connect flips the Inspector's switch.
const connect = async (page) => {
  await page.goto(inspector)
  await page.getByRole('switch', { name: /^Connect or disconnect/ }).click({ force: true })
}

const back = (page) => page.waitForURL((u) => u.origin === new URL(inspector).origin)

const page = await person()
await connect(page)
await shows(page, 'Sign in')
await page.getByText('MCP Inspector').waitFor()
await shoot(page, 'signin')
const link = await mail(page)
await shoot(page, 'linksent')
await page.goto(link)
await shows(page, 'Finish signing in')
await shoot(page, 'confirm')
await press(page, 'Sign in')
await shows(page, 'Let this app into Default?')
await shoot(page, 'consent')
await press(page, 'Deny')
await back(page)
await page.getByText(/access_denied|said no/).first().waitFor()
console.log('- the Inspector in a browser is told of a denial')

await connect(page)
await press(page, 'Allow as ticked')
await back(page)
await page.getByText('Tools', { exact: true }).first().click()
await page.getByText('workspace_get', { exact: true }).click()
await press(page, 'Execute Tool')
await page.getByText(/"slug": *"default"/).first().waitFor()
console.log('- the Inspector in a browser: sign in by mail, consent, call a tool')

await page.goto(origin)
await shows(page, 'Connect your agent')
await shoot(page, 'account')
await page.goto(link)
await page.getByText('was used already').waitFor()
await shoot(page, 'link-used')
await page.goto(`${origin}/oauth/authorize?client_id=01a20216-fede-729f-8cb0-a7155f743a16`)
await page.getByText('does not know the app').waitFor()
await shoot(page, 'app-unknown')
await page.goto(origin)
await press(page, 'Sign out everywhere')
await shows(page, 'Signed out')
await shoot(page, 'signed-out')
await page.goto(origin)
await shows(page, 'Sign in')
console.log('- a used link and an unknown app are told on pages; signed out is signed out')

// On a laptop a person begins; the mail they open on the phone.
const [laptop, phone] = [await person(), await person()]
await laptop.goto(`${origin}/signin`)
await phone.goto(await mail(laptop))
await shows(phone, 'Signing in elsewhere?')
await shoot(phone, 'confirm-elsewhere')
await press(phone, 'Show me the code')
await shoot(phone, 'code')
await laptop.getByLabel('Type the code it shows here').fill('WRONG CODE')
await press(laptop, 'Sign in')
await laptop.getByRole('alert').waitFor()
await shoot(laptop, 'code-wrong')
await laptop.getByLabel('Type the code it shows here').fill(await phone.locator('.bigcode').innerText())
await press(laptop, 'Sign in')
await shows(laptop, 'Connect your agent')
await phone.goto(origin)
await shows(phone, 'Sign in')
console.log('- a link opened on another device gives a code, which signs in where it was asked for')

console.log(`- ${shots} screenshots`)
await browser.close()
