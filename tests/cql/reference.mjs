// The packages as they come from npm, without what build.mjs changes: standard input as for engine.entry.js, as
// {"load": ..., "evaluate": ...}; prints the values of the one run.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.resolve(import.meta.dirname, '../../package.json'));
const cql = require('cql-execution');
const { PatientSource } = require('cql-exec-fhir');
const plain = require('./server/cql/js/plain.cjs');

const { load, evaluate: { library, shared, runs: [run] } } = JSON.parse(fs.readFileSync(0, 'utf8'));
const libraries = Object.fromEntries(load.libraries.map(l => [`${l.library.identifier.id}|${l.library.identifier.version}`, l]));
const source = PatientSource.FHIRv401();
source.loadBundles([{ ...shared, entry: [...run.own.entry, ...shared.entry] }]);
const parameters = Object.fromEntries(Object.entries(run.parameters)
  .map(([name, { type, value }]) => [name, type === 'Date' && value ? cql.Date.parse(value) : value]));
const main = new cql.Library(libraries[library], new cql.Repository(libraries));
const executor = new cql.Executor(main, new cql.CodeService(load.valueSets), parameters);
const { patientResults } = await executor.exec(source, cql.DateTime.parse(run.now));
const [values] = Object.values(patientResults);
delete values.Patient;
process.stdout.write(JSON.stringify(Object.fromEntries(Object.entries(values).map(([name, v]) => [name, plain(v)]))));
