// Writes cql/shared/FHIRHelpers.cql: one function for every implicit conversion that the FHIR 4.0.1 model info names.
// It is published under our own canonical: HL7 publishes a library of the same name and version with more in it.
//   node server/cql/js/fhirhelpers.mjs
import fs from 'node:fs';
import path from 'node:path';
import { modelInfoFile } from './model_info.mjs';

const OUT = path.resolve(import.meta.dirname, '../../../cql/shared/FHIRHelpers.cql');

const HEAD = `// Conversions from FHIR 4.0.1 types to CQL types, generated from the model info by server/cql/js/fhirhelpers.mjs.
// It holds the implicit conversions only. HL7's library of the same name has more functions, so the two must never be
// published under one canonical URL.
library FHIRHelpers version '4.0.1'

using FHIR version '4.0.1'
`;

// What is more than reading the value of a primitive. The order matters: a function stands before its users.
const WRITTEN = new Map(Object.entries({
  'ToCode(Coding)': `define function ToCode(coding FHIR.Coding):
  if coding is null then null
  else System.Code {
    code: coding.code.value,
    system: coding.system.value,
    version: coding.version.value,
    display: coding.display.value
  }`,
  'ToConcept(CodeableConcept)': `define function ToConcept(concept FHIR.CodeableConcept):
  if concept is null then null
  else System.Concept {
    codes: concept.coding C return all ToCode(C),
    display: concept.text.value
  }`,
  'ToQuantity(Quantity)': `// UCUM time units become calendar units, so that "6 months" of FHIR and of CQL compare
define function ToCalendarUnit(unit System.String):
  case unit
    when 'ms' then 'millisecond'
    when 's' then 'second'
    when 'min' then 'minute'
    when 'h' then 'hour'
    when 'd' then 'day'
    when 'wk' then 'week'
    when 'mo' then 'month'
    when 'a' then 'year'
    else unit
  end

// A quantity that has no single value, or no UCUM unit, is an error and not a null: silence would hide it
define function ToQuantity(quantity FHIR.Quantity):
  case
    when quantity is null or quantity.value is null then null
    when quantity.comparator is not null then
      Message(null, true, 'FHIRHelpers.ToQuantity.Comparator', 'Error', 'A quantity with a comparator has no single value')
    when quantity.system is null
        or quantity.system.value = 'http://unitsofmeasure.org'
        or quantity.system.value = 'http://hl7.org/fhirpath/CodeSystem/calendar-units' then
      System.Quantity {
        value: quantity.value.value,
        unit: ToCalendarUnit(Coalesce(quantity.code.value, quantity.unit.value, '1'))
      }
    else
      Message(null, true, 'FHIRHelpers.ToQuantity.System', 'Error', 'The unit of a quantity is not UCUM')
  end`,
  'ToInterval(Period)': `define function ToInterval(period FHIR.Period):
  if period is null then null
  else if period."start" is null then Interval(period."start".value, period."end".value]
  else Interval[period."start".value, period."end".value]`,
  'ToInterval(Range)': `define function ToInterval(range FHIR.Range):
  if range is null then null
  else Interval[ToQuantity(range.low), ToQuantity(range.high)]`,
  'ToRatio(Ratio)': `define function ToRatio(ratio FHIR.Ratio):
  if ratio is null then null
  else System.Ratio { numerator: ToQuantity(ratio.numerator), denominator: ToQuantity(ratio.denominator) }`,
}));

const xml = fs.readFileSync(modelInfoFile('4.0.1'), 'utf8');
const conversions = [...xml.matchAll(/<conversionInfo functionName="FHIRHelpers\.(\w+)" fromType="FHIR\.([^"]+)"/g)]
  .map(([, name, from]) => ({ name, from, signature: `${name}(${from})` }));

const named = new Set(conversions.map(c => c.signature));
const missing = [...WRITTEN.keys()].filter(signature => !named.has(signature));
if (missing.length) throw new Error(`the model info has no conversion ${missing.join(', ')}`);

const read = conversions
  .filter(c => !WRITTEN.has(c.signature))
  .map(c => `define function ${c.name}(value FHIR."${c.from}"): value.value`);
fs.writeFileSync(OUT, `${[HEAD, ...WRITTEN.values()].join('\n\n').replace('\n\n\n', '\n\n')}\n\n${read.join('\n')}\n`);
