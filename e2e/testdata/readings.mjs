// Prints readings.ndjson: a day of five sensors in a greenhouse, every quarter
// of an hour, as their gateway sends them; with what real ones bring along: a
// sensor that falls out, nulls, letters beyond ASCII, integers beyond 2^53.
//
//   node readings.mjs >readings.ndjson
let state = 20260614
const noise = (width) => {
  state = (state * 1103515245 + 12345) % 2147483648
  return (state / 2147483648 - 0.5) * width
}
const sensors = [
  { device: 'gh1-air-01', location: 'Gewächshaus 1, Süd', base: 19, swing: 7 },
  { device: 'gh1-air-02', location: 'Gewächshaus 1, Nord', base: 17.5, swing: 5 },
  { device: 'gh2-air-01', location: 'Gewächshaus 2, 苗床', base: 21, swing: 4 },
  { device: 'gh1-soil-01', location: 'Beet 3', base: 16, swing: 2, soil: true },
]
const start = Date.UTC(2026, 5, 14)
let counter = 9007199254740993n
for (let quarter = 0; quarter < 96; quarter++) {
  const at = new Date(start + quarter * 900_000 + Math.round(noise(4000) + 2000))
  const day = Math.sin(((quarter - 28) / 96) * 2 * Math.PI)
  for (const [i, s] of sensors.entries()) {
    if (i === 1 && quarter >= 40 && quarter < 47) continue // its battery was changed
    const temperature = +(s.base + s.swing * day + noise(0.6)).toFixed(2)
    const reading = { device: s.device, time: at.toISOString(), location: s.location, temperature }
    if (s.soil) reading.soil = { moisture: +(0.34 - 0.06 * day + noise(0.01)).toFixed(4), ec: +(1.42 + noise(0.08)).toFixed(3), ph: quarter % 12 === 5 ? null : +(6.4 + noise(0.2)).toFixed(1) }
    else Object.assign(reading, { humidity: +(0.68 - 0.15 * day + noise(0.03)).toFixed(3), co2: Math.round(620 - 180 * day + noise(40)) })
    reading.battery = +(3.31 - 0.0004 * quarter - i * 0.07).toFixed(3)
    reading.rssi = Math.round(-68 - 6 * i + noise(8))
    console.log(JSON.stringify(reading))
  }
  if (quarter % 4 === 3) {
    counter += BigInt(Math.round(1800 + 900 * Math.max(0, day)))
    console.log(`{"device":"pump-07","time":"${at.toISOString()}","running":${day > 0.2},"litres_total":${counter},"flow_lpm":[${[0, 1, 2].map(() => (day > 0.2 ? 11.8 + noise(0.4) : 0).toFixed(1)).join(',')}],"fault":${quarter === 59 ? '"E12 \\"dry run\\" <stop>"' : 'null'}}`)
  }
}
