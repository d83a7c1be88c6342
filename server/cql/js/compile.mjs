// Translates CQL to ELM, and writes <name>.elm.json beside each <name>.cql:
//   {"sourceSha256": "<SHA-256 of the .cql bytes>", "library": {...}}
//   node server/cql/js/compile.mjs [--check] [FILE.cql ...]
// Without files: every .cql of cql/shared and of each policy folder. Includes are looked for in the file's own folder,
// then in cql/shared. --check writes nothing and fails for each file whose ELM is not what its source gives.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { modelInfoFile } from './model_info.mjs';

// the translator's logger announces itself on standard output, which is ours
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;
const elm = await import('@cqframework/cql/cql-to-elm');
const { SystemModelInfoProvider } = await import('@cqframework/cql/cql');
const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc');

const CQL = path.resolve(import.meta.dirname, '../../../cql');
const SHARED = path.join(CQL, 'shared');
const say = text => print(`${text}\n`);
const shown = file => path.relative(process.cwd(), file);

const models = new elm.ModelManager();
models.modelInfoLoader.registerModelInfoProvider(new SystemModelInfoProvider());
models.modelInfoLoader.registerModelInfoProvider(elm.createModelInfoProvider((id, _, version) => {
  const file = modelInfoFile(version ?? '4.0.1');
  return id === 'FHIR' && fs.existsSync(file) ? elm.stringAsSource(fs.readFileSync(file, 'utf8')) : null;
}));

const refuse = () => { throw new Error('units are neither multiplied nor divided at build time'); };
const units = UcumLhcUtils.getInstance();
const ucum = elm.createUcumService(
  (value, from, to) => {
    const converted = units.convertUnitTo(from, Number(value), to);
    if (converted.status !== 'succeeded') throw new Error(String(converted.msg));
    return String(converted.toVal);
  },
  unit => (units.validateUnitString(unit).status === 'valid' ? null : `'${unit}' is not a UCUM unit`),
  refuse,
  refuse,
);

function options(explained) {
  const all = elm.CqlCompilerOptions.Options;
  const strict = [all.DisableListDemotion, all.DisableListPromotion];
  // annotations carry the words of each clause into the ELM, and locators its line: a decision can then be explained
  const words = [all.EnableAnnotations, all.EnableLocators, all.EnableResultTypes];
  return new elm.CqlCompilerOptions()
    .withOptions(explained ? [...words, ...strict] : strict)
    .withSignatureLevel(elm.LibraryBuilder.SignatureLevel.Overloads)
    .withValidateUnits(true);
}

const managers = new Map();
function managerOf(folder, explained) {
  const key = `${folder}|${explained}`;
  if (!managers.has(key)) {
    const manager = new elm.LibraryManager(models, options(explained), undefined, ucum);
    manager.librarySourceLoader.registerProvider(elm.createLibrarySourceProvider(id => {
      const file = [folder, SHARED].map(f => path.join(f, `${id}.cql`)).find(f => fs.existsSync(f));
      return file ? elm.stringAsSource(fs.readFileSync(file, 'utf8')) : null;
    }));
    managers.set(key, manager);
  }
  return managers.get(key);
}

/** Every node of the translator's output has an annotation, most of them an empty one. */
const withoutEmpty = (key, value) => (key === 'annotation' && value.length === 0 ? undefined : value);

/** The text of the .elm.json of a source and what the translator says of it; no text when it says an error. */
function translate(file) {
  const source = fs.readFileSync(file);
  // FHIRHelpers is hundreds of one-liners that explain no decision
  const explained = path.basename(file) !== 'FHIRHelpers.cql';
  const translated = elm.CqlTranslator.fromText(source.toString('utf8'), managerOf(path.dirname(file), explained));
  const { library } = JSON.parse(translated.toJson());
  const notes = (library.annotation ?? []).filter(a => a.type === 'CqlToElmError');
  const failed = notes.some(a => a.errorSeverity === 'error')
    || translated.errors.asJsReadonlyArrayView().length > 0;
  const said = notes.map(a => `${shown(file)}:${a.startLine ?? 1}:${a.startChar ?? 1}: ${a.errorSeverity}: ${a.message}`);
  if (failed && !said.length) said.push(`${shown(file)}:1:1: error: the translator failed without saying where`);
  const sourceSha256 = createHash('sha256').update(source).digest('hex');
  return { said, text: failed ? null : `${JSON.stringify({ sourceSha256, library }, withoutEmpty)}\n` };
}

function everySource() {
  return fs.readdirSync(CQL, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .flatMap(entry => fs.readdirSync(path.join(CQL, entry.name)).map(name => path.join(CQL, entry.name, name)))
    .filter(file => file.endsWith('.cql'))
    .sort();
}

const words = process.argv.slice(2);
const check = words.includes('--check');
const named = words.filter(word => word !== '--check').map(word => path.resolve(word));
let failed = false;
for (const file of named.length ? named : everySource()) {
  const out = file.replace(/\.cql$/, '.elm.json');
  const { said, text } = translate(file);
  said.forEach(say);
  if (text === null) {
    failed = true;
  } else if (!check) {
    fs.writeFileSync(out, text);
  } else if (!fs.existsSync(out) || fs.readFileSync(out, 'utf8') !== text) {
    say(`${shown(out)}: is not what ${path.basename(file)} gives; run "make elm" and commit it`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
