/** A CQL value as JSON data. A resource is named, not copied. */
function plain(v) {
  if (v === undefined || v === null) return null;
  if (Array.isArray(v)) return v.map(plain);
  if (typeof v !== 'object') return v;
  if (v.isDate || v.isDateTime || v.isRatio) return v.toString();
  if (v.isQuantity) return { value: v.value, unit: v.unit ?? '1' };
  if (v.isInterval) {
    return { low: plain(v.low), high: plain(v.high), lowClosed: v.lowClosed, highClosed: v.highClosed };
  }
  if (v.isUncertainty) return { low: plain(v.low), high: plain(v.high) };
  if (v.isCode) return { code: v.code, system: v.system ?? null, display: v.display ?? null };
  if (v.isConcept) return { codes: plain(v.codes), display: v.display ?? null };
  if (v._typeInfo) return fhir(v);
  return Object.fromEntries(Object.keys(v).map(key => [key, plain(v[key])]));
}

function fhir(v) {
  const json = v._json;
  if (json.resourceType) return { reference: `${json.resourceType}/${json.id}` };
  const value = v._typeInfo.findElement('value');
  return value?.typeSpecifier?.namespace === 'System' ? plain(v.value) : json;
}

module.exports = plain;
