// Judges an OpenAPI document by two validators: the schema that OpenAPI 3.1
// comes with, and the rules of Redocly.
//   node openapi-lint.mjs FILE
import { createConfig, lint } from '@redocly/openapi-core'
import { Validator } from '@seriousme/openapi-schema-validator'

const [file] = process.argv.slice(2)
const validator = new Validator()
const { valid, errors } = await validator.validate(file)
if (validator.version !== '3.1') throw new Error(`expected OpenAPI 3.1, got ${validator.version}`)
if (!valid) throw new Error(JSON.stringify(errors, null, 1))

// Every failure is documented as the default response, so none is by its number.
const config = await createConfig({ extends: ['recommended-strict'], rules: { 'operation-4xx-response': 'off' } })
const problems = await lint({ ref: file, config })
if (problems.length > 0) throw new Error(problems.map((p) => `${p.ruleId}: ${p.message} ${p.location[0].pointer}`).join('\n'))
console.log('- a valid document of OpenAPI 3.1, by its schema and by Redocly')
