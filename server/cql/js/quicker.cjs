// What cql-execution and cql-exec-fhir do thousands of times a run, in less work and with the same answers.
const cql = require('cql-execution');
const comparison = require('cql-execution/lib/util/comparison');
const { FunctionRef } = require('cql-execution/lib/elm/reusable');

/**
 * Each row of a query and each call of a function has a context of its own. Of all that a context holds, a row needs its
 * parent and its values; it looks a name up from row to row in one loop.
 */
function Row(parent, values) {
  this.parent = parent;
  this.context_values = values;
}
Row.prototype = Object.create(cql.Context.prototype, {
  // which records were read is kept for reports; nobody reads it here
  evaluatedRecords: { value: { push() {} } },
});
Row.prototype.get = function (name) {
  let row = this;
  while (row instanceof Row) {
    const value = row.context_values[name];
    if (value !== undefined) return value;
    if (name === '$this') return row.context_values;
    row = row.parent;
  }
  return row.get(name);
};
Row.prototype.rootContext = function () {
  let row = this;
  while (row instanceof Row) row = row.parent;
  return row.rootContext();
};
Row.prototype.getLibraryContext = function (name) {
  return this.rootContext().getLibraryContext(name);
};
cql.Context.prototype.childContext = function (values) {
  return new Row(this, values ?? {});
};

/** An overload is chosen by the values that it is given. Where a name has one function of so many operands, that is it. */
const choose = FunctionRef.prototype.exec;
FunctionRef.prototype.exec = function (ctx) {
  if (this.only === undefined) {
    const named = (this.library ? ctx.get(this.library)?.getFunction(this.name) : ctx.getFunction(this.name)) ?? [];
    const fitting = named.filter(f => f.parameters.length === this.args?.length);
    this.only = fitting.length === 1 ? fitting[0] : null;
  }
  if (!this.only) return choose.call(this, ctx);
  const values = {};
  const { parameters, expression } = this.only;
  for (let i = 0; i < parameters.length; i++) values[parameters[i].name] = this.args[i].execute(ctx);
  return expression.execute(new Row(this.library ? ctx.getLibraryContext(this.library) : ctx, values));
};

/** A code is looked up in a value set, not compared with each of its codes. */
const scan = cql.ValueSet.prototype.hasMatch;
cql.ValueSet.prototype.hasMatch = function (code) {
  if (!(code instanceof cql.Code)) return scan.call(this, code);
  if (!this.systemsOf) {
    this.systemsOf = new Map();
    for (const { code: known, system } of this.codes) {
      if (!this.systemsOf.has(known)) this.systemsOf.set(known, new Set());
      this.systemsOf.get(known).add(system);
    }
  }
  return this.systemsOf.get(code.code)?.has(code.system) ?? false;
};

/** Most of what is compared is text: links, codes, states. */
const { equals } = comparison;
comparison.equals = (a, b) => (typeof a === 'string' && typeof b === 'string' ? a === b : equals(a, b));

const READ = Symbol('read');
const PLAIN = new Set(['Boolean', 'Integer', 'String']);
const plainValue = new Map();

/** Whether the value of a primitive class is in JSON what it is in CQL. */
function hasPlainValue(typeInfo) {
  if (!plainValue.has(typeInfo)) {
    const type = typeInfo.findElement('value', true)?.typeSpecifier;
    plainValue.set(typeInfo, type?.namespace === 'System' && PLAIN.has(type.name));
  }
  return plainValue.get(typeInfo);
}

/**
 * Reading an element takes much longer than keeping it, so what was read once is kept. Texts, numbers and wrapped elements
 * do not change; each reader has its copy of a list, and of CQL's own values. anyone: an object of any class.
 */
exports.rememberElements = anyone => {
  let wrapper = anyone;
  while (!Object.hasOwn(wrapper, 'get')) wrapper = Object.getPrototypeOf(wrapper);
  const { get } = wrapper;
  wrapper.get = function (field) {
    if (field === 'value' && hasPlainValue(this._typeInfo)) return this._json == null ? this._json : this._json.value;
    const read = (this[READ] ??= new Map());
    const known = read.get(field);
    if (known !== undefined) return Array.isArray(known) ? known.slice() : known;
    if (read.has(field)) return undefined;
    const value = get.call(this, field);
    if (typeof value !== 'object' || value === null || value._typeInfo) {
      read.set(field, value);
    } else if (Array.isArray(value) && value.every(v => v?._typeInfo)) {
      read.set(field, value);
      return value.slice();
    }
    return value;
  };
};
