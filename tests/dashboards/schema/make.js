// Writes ../grafana.json: a JSON Schema for a dashboard, and for what each kind of panel takes beside it.
// `node make.js --check` only says whether the file is what Grafana's types say.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createGenerator } from 'ts-json-schema-generator';

const types = createRequire(import.meta.url)
  .resolve('@grafana/schema/package.json')
  .replace('package.json', 'dist/types/raw');
const file = new URL('../grafana.json', import.meta.url);
const wanted = { dashboard: ['dashboard/x', 'Dashboard'], panel: ['dashboard/x', 'Panel'] };
for (const kind of ['stat', 'timeseries', 'bargauge', 'table', 'heatmap']) {
  wanted[`${kind} options`] = [`composable/${kind}/panelcfg/x`, 'Options'];
}
for (const kind of ['timeseries', 'table', 'heatmap']) {
  wanted[`${kind} fields`] = [`composable/${kind}/panelcfg/x`, 'FieldConfig'];
}

const schemas = {};
for (const [name, [folder, type]] of Object.entries(wanted)) {
  const path = `${types}/${folder}/types.gen.d.ts`;
  schemas[name] = createGenerator({ path, type, jsDoc: 'none', skipTypeCheck: true, topRef: false }).createSchema(type);
}
const text = JSON.stringify(schemas) + '\n';
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('tests/dashboards/grafana.json: not what @grafana/schema says; run npm run schema beside it');
  process.exitCode = 1;
}
