// Bundles engine.entry.js, cql-execution, cql-exec-fhir and the FHIR 4.0.1 model into build/cql-engine.js.
//   node server/cql/js/build.mjs
import esbuild from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import xml2js from 'xml2js';
import processors from 'xml2js/lib/processors.js';
import { modelInfoFile } from './model_info.mjs';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const OUT = path.join(ROOT, 'build/cql-engine.js');

async function fhirModel() {
  const { stripPrefix } = processors;
  const options = { tagNameProcessors: [stripPrefix], attrNameProcessors: [stripPrefix] };
  return xml2js.parseStringPromise(fs.readFileSync(modelInfoFile('4.0.1'), 'utf8'), options);
}

/**
 * cql-execution awaits every node of the ELM, because a data source may be remote. Ours is in memory, so each await is
 * only delay, and makes a run that cannot be stopped as one call. Without them the code is the same, step by step.
 */
function inOneGo(file) {
  const text = fs.readFileSync(file, 'utf8')
    .replace(/\bawait Promise\.all\(/g, '(')
    .replace(/\bawait (?=[\w(])/g, '')
    .replace(/\basync (?=[\w(_])/g, '');
  const left = text.replace(/\/\/.*$/gm, '').match(/.*\b(await|async|Promise)\b.*/);
  if (left) throw new Error(`${file}: still waits in: ${left[0].trim()}`);
  return text;
}

/**
 * cql-exec-fhir walks the class hierarchy and makes a getter per element for each object that it wraps, a quarter of the
 * time of a run. The elements depend on the class alone: objects of one class are made by one constructor, whose prototype
 * has the getters.
 */
function oneShape(file) {
  const text = fs.readFileSync(file, 'utf8');
  const start = text.indexOf('    var elementNames = new Set();');
  const getters = text.indexOf('    var _iterator = ', start);
  const end = text.indexOf('  // Required by cql-execution API', start);
  if (start < 0 || getters < start || !text.slice(getters, end).includes('return this.get(name);')) {
    throw new Error(`${file}: FHIRObject is not what it was; read it again`);
  }
  const before = `${text.slice(0, start)}    Object.setPrototypeOf(this, protoOf(typeInfo, modelInfo, Object.getPrototypeOf(this)));
  }
`;
  return `${[before, text.slice(end)].map(part => part.replace(/\bnew FHIRObject\(/g, 'wrapped(')).join('')}
var shapes = new Map();
function wrapped(json, typeInfo, modelInfo) {
  if (typeInfo == null) return new FHIRObject(json, typeInfo, modelInfo);
  var Shape = shapes.get(typeInfo);
  if (!Shape) {
    shapes.set(typeInfo, Shape = function (json) { this._json = json; });
    Shape.prototype = protoOf(typeInfo, modelInfo, FHIRObject.prototype);
    Object.defineProperties(Shape.prototype, { _typeInfo: { value: typeInfo }, _modelInfo: { value: modelInfo } });
  }
  return new Shape(json);
}
var protos = new Map();
function protoOf(typeInfo, modelInfo, base) {
  if (!protos.has(base)) protos.set(base, new Map());
  var proto = protos.get(base).get(typeInfo);
  if (proto) return proto;
  protos.get(base).set(typeInfo, proto = Object.create(base));
${text.slice(start, getters)}  elementNames.forEach(function (name) {
    Object.defineProperty(proto, name, { get: function () { return this.get(name); }, enumerable: true });
  });
  return proto;
}
`;
}

function release() {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'node_modules/cql-execution/package.json'), 'utf8')).version;
}

const model = JSON.stringify(JSON.stringify(await fhirModel()));
const bare = {
  name: 'bare V8',
  setup(build) {
    build.onResolve({ filter: /^(fs|xml2js|xml2js\/lib\/processors)$/ }, ({ path: name }) => ({ path: name, namespace: 'absent' }));
    build.onLoad({ filter: /.*/, namespace: 'absent' }, ({ path: name }) => ({
      // the model is parsed here and not at every start
      contents: name === 'xml2js'
        ? `exports.parseString = (xml, options, done) => done(null, JSON.parse(${model}));`
        : 'module.exports = {};',
    }));
    build.onLoad({ filter: /fhir-modelinfo-.*\.xml\.js$/ }, () => ({ contents: "module.exports = '<modelInfo></modelInfo>';" }));
    build.onLoad({ filter: /cql-exec-fhir\/lib\/fhir\.js$/ }, ({ path: file }) => ({ contents: oneShape(file) }));
    build.onLoad({ filter: /node_modules\/cql-execution\/lib\/(elm|runtime|util)\/.*\.js$/ }, ({ path: file }) => ({ contents: inOneGo(file) }));
  },
};

await esbuild.build({
  entryPoints: [path.join(import.meta.dirname, 'engine.entry.js')],
  outfile: OUT,
  bundle: true,
  minifySyntax: true,
  minifyWhitespace: true, // but names stay: errors tell the kind of the ELM node by its class
  lineLimit: 500,
  platform: 'neutral',
  mainFields: ['main', 'module'],
  format: 'iife',
  target: 'es2022',
  legalComments: 'eof',
  define: { global: 'globalThis' },
  // its first line says which release it holds: every decision records that (engine.py)
  banner: { js: `// cql-execution ${release()}\nglobalThis.console={log(){},error(){},warn(){},info(){},debug(){}};` },
  plugins: [bare],
});
