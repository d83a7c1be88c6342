// The FHIR model infos that come with cql-exec-fhir; translator and engine must read the same one.
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('cql-exec-fhir')), 'modelInfos');

export const modelInfoFile = version => path.join(folder, `fhir-modelinfo-${version}.xml`);
