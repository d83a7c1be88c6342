// The ELM engine as one script for a bare V8: text in, text out, no Node API. build.mjs bundles it.
//   load(text)      {"libraries": [ELM, ...], "valueSets": {url: {version: [{code, system}, ...]}}}
//   evaluate(text)  {"library": "name|version", "asked": [{"define", "where"}, ...] or null, "shared": {Bundle},
//                   "runs": [{"own": {Bundle}, "now": "...", "parameters": {name: {type, value}}}, ...]}
//                   -> [{"values": {define: plain data}} or {"error": {"kind", "place", "detail"}}, ...], one a run
// Each run sees its own resources, then the shared ones, which are wrapped once for all runs.
// Only `detail` may quote the record that was evaluated; the caller must not log it.
const cql = require('cql-execution');
const cqlFhir = require('cql-exec-fhir');
const luxon = require('luxon');
const plain = require('./plain.cjs');
const { rememberElements } = require('./quicker.cjs');

// The machine's time zone must not reach an answer: what has no zone is read as UTC.
luxon.Settings.defaultZone = 'utc';
Date.prototype.getTimezoneOffset = () => 0;

// cql-exec-fhir parses the FHIR model when a source is made, which takes a tenth of a second: once is enough.
const source = cqlFhir.PatientSource.FHIRv401();
// Every element of every resource looks its class up by name, through several tables.
const model = source._modelInfo;
const classes = new Map();
const findClass = model.findClass.bind(model);
model.findClass = name => {
  if (!classes.has(name)) classes.set(name, findClass(name));
  return classes.get(name);
};

/**
 * The engine tries a dozen formats on each date, a twentieth of the time of a run. A day of the calendar is read here, alone
 * or with a time and its zone; whatever else is left to the engine.
 */
const MOMENT = /^(\d{4})-(\d{2})-(\d{2})(?:T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{3}))?(?:Z|([+-])(0\d|1[0-3]):([0-5]\d)))?$/;
for (const Moment of [cql.Date, cql.DateTime]) {
  const { parse } = Moment;
  Moment.parse = text => {
    const found = typeof text === 'string' ? MOMENT.exec(text) : null;
    const [year, month, day, ...time] = (found ?? []).slice(1, 8).map(part => (part === undefined ? part : Number(part)));
    // years below 100 are of the last century to JavaScript; a month has no 31st day when the next one comes out
    const real = found && year >= 100 && month >= 1 && day >= 1 && new Date(Date.UTC(year, month - 1, day)).getUTCMonth() === month - 1;
    if (!real || (found[4] && Moment === cql.Date)) return parse.call(Moment, text);
    if (!found[4]) return new Moment(year, month, day);
    const zone = found[8] ? Number(found[9]) + Number(found[10]) / 60 : 0;
    return new Moment(year, month, day, ...time, found[8] === '-' ? -zone : zone);
  };
}

// Results by node of the ELM are kept for coverage reports; nobody reads them here.
cql.Context.prototype.setLocalIdWithResult = () => {};
rememberElements(patientOf({ entry: [{ resource: { resourceType: 'Patient' } }] }));

// One context for each included library, however many libraries include it: what it defines is worked out once.
const contextOf = cql.PatientContext.prototype.getLibraryContext;
cql.PatientContext.prototype.getLibraryContext = function (name) {
  const known = this.library_context[name];
  if (known) return known;
  this.shared ??= new Map();
  const { id, version } = this.get(name).source.library.identifier;
  const key = `${id}|${version}`;
  if (!this.shared.has(key)) {
    const made = contextOf.call(this, name);
    made.shared = this.shared;
    this.shared.set(key, made);
  }
  return (this.library_context[name] = this.shared.get(key));
};

const elm = {};
const ready = {};
let codes = new cql.CodeService({});

globalThis.load = text => {
  const { libraries, valueSets } = JSON.parse(text);
  for (const library of libraries) {
    const { id, version } = library.library.identifier;
    elm[`${id}|${version}`] = library;
  }
  codes = new cql.CodeService(valueSets);
};

function library(key) {
  if (!elm[key]) throw new Error(`no library ${key} is loaded`);
  ready[key] ??= new cql.Library(elm[key], new cql.Repository(elm));
  return ready[key];
}

function patientOf(bundle) {
  if (!bundle.entry.some(e => e.resource.resourceType === 'Patient')) throw new Error('the record has no Patient');
  source.reset();
  source.loadBundles([bundle]);
  const patient = source.currentPatient();
  source.reset();
  return patient;
}

/** Finds the resources of a type, each wrapped once however often it is asked for. */
function finder(patient) {
  const find = patient.findRecords.bind(patient);
  const found = new Map();
  return (profile, details) => {
    if (!found.has(details.datatype)) found.set(details.datatype, find(profile, details));
    return found.get(details.datatype);
  };
}

/** A patient whose record is what all runs share and what is this run's own. */
function patientOfRun(shared, sharedFinder, own) {
  const [person] = shared.entry.filter(e => e.resource.resourceType === 'Patient');
  const patient = patientOf({ resourceType: 'Bundle', entry: [person, ...own.entry] });
  const ownFinder = finder(patient);
  const isPerson = datatype => datatype.endsWith('}Patient');
  patient.findRecords = (profile, details) => [
    ...(isPerson(details.datatype) ? [] : ownFinder(profile, details)),
    ...sharedFinder(profile, details),
  ];
  return patient;
}

function parameter({ type, value }) {
  if (value === null) return null;
  if (type === 'Date') return cql.Date.parse(value);
  if (type === 'DateTime') return cql.DateTime.parse(value);
  return value;
}

/** The values of what is asked, each worked out where its condition is true; of every define where nothing is asked. */
function evaluateRun(main, patient, { now, parameters }, asked) {
  const given = Object.fromEntries(Object.entries(parameters).map(([name, p]) => [name, parameter(p)]));
  const listener = {
    onMessage(_, code, severity, message) {
      if (severity === 'Error') throw Object.assign(new Error(message), { kind: `Message ${code}` });
    },
  };
  const context = new cql.PatientContext(main, patient, codes, given, now ? cql.DateTime.parse(now) : undefined, listener);
  const values = {};
  const valueOf = name => {
    if (Object.hasOwn(values, name)) return values[name];
    try {
      // an earlier define may have needed it already
      const known = name in context.context_values;
      return (values[name] = plain(known ? context.context_values[name] : main.expressions[name].execute(context)));
    } catch (e) {
      throw Object.assign(e, { define: name });
    }
  };
  for (const { define, where } of asked ?? Object.keys(main.expressions).map(name => ({ define: name, where: null }))) {
    if (define !== 'Patient' && (where === null || valueOf(where) === true)) valueOf(define);
  }
  return values;
}

/** What failed and where: the define, then the node of the ELM that threw, its library and line. */
function failure(e) {
  const cause = e?.cause ?? e;
  const node = e?.libraryName ? `${e.expressionName} of ${e.libraryName}${e.locator ? ` at ${e.locator}` : ''}` : '';
  return {
    kind: cause?.kind ?? cause?.name ?? 'Error',
    place: [e?.define && `"${e.define}"`, node].filter(Boolean).join(', '),
    detail: String(cause?.message ?? cause).slice(0, 500),
  };
}

// Errors come back as data: the text of a thrown one would carry a line of this bundle with it.
globalThis.evaluate = text => {
  const { library: key, asked, shared, runs } = JSON.parse(text);
  let main, sharedFinder;
  try {
    main = library(key);
    sharedFinder = finder(patientOf(shared));
  } catch (e) {
    return JSON.stringify(runs.map(() => ({ error: failure(e) })));
  }
  return JSON.stringify(runs.map(run => {
    try {
      return { values: evaluateRun(main, patientOfRun(shared, sharedFinder, run.own), run, asked) };
    } catch (e) {
      return { error: failure(e) };
    }
  }));
};
