import tseslint from 'typescript-eslint';

/** Each outside package has one door: the only place that may import it. */
const doors = {
  pg: 'src/db/', 'node-pg-migrate': 'src/db/', modesl: 'src/esl/', got: 'src/webhook/', 'p-queue': 'src/delivery/', fastify: 'src/http/', jose: 'src/http/',
  convict: 'src/config.ts', winston: 'src/log.ts', 'prom-client': 'src/metrics.ts', commander: 'src/cli.ts', 'ipaddr.js': 'src/webhook/address.ts', 'http-proxy-agent': 'src/webhook/', 'https-proxy-agent': 'src/webhook/',
  '@opentelemetry/api': 'src/tracing/', '@opentelemetry/sdk-trace-base': 'src/tracing/', '@opentelemetry/resources': 'src/tracing/', '@opentelemetry/exporter-trace-otlp-http': 'src/tracing/',
};
const doorsAt = (at) => Object.keys(doors).filter((name) => doors[name] === at);
const closedExcept = (...open) => Object.entries(doors).filter(([name]) => !open.includes(name))
  .map(([name, at]) => ({ name, message: `${name} is used only in ${at}.` }));

/** Lower never imports higher: ground < pure < doors < flows < roots; parts of one layer meet only in main.ts. */
const above = {
  ground: ['calls', 'subscriptions', 'esl', 'db', 'webhook', 'tracing', 'ingest', 'delivery', 'http', 'sources'],
  pure: ['esl', 'db', 'tracing', 'ingest', 'delivery', 'http', 'sources'],
  doors: ['ingest', 'delivery', 'http', 'sources'],
};
const noImport = (folders, message) => folders.map((folder) => ({ group: [`**/${folder}/*`], message }));
const roots = [{ group: ['**/main.js', '**/cli.js', '**/cli/*'], message: 'Only the roots know the whole.' }];
const noIo = [{ group: ['node:*', '!node:crypto'], message: 'Pure code takes values and returns values.' }];

const inside = (files, open, patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { paths: closedExcept(...open), patterns: [...patterns] }] } });

export default tseslint.config(
  { ignores: ['dist/**', 'var/**', 'node_modules/**'] },
  { files: ['**/*.ts'], extends: [tseslint.configs.recommendedTypeChecked], languageOptions: { parserOptions: { projectService: true } } },
  inside(['src/**/*.ts'], [], []),
  inside(['src/config/**'], [], [...noImport(above.ground, 'Ground stands alone.'), ...roots]),
  inside(['src/{broadcast,clock,lifecycle,log,metrics,config,secrets,seal}.ts'], [...doorsAt('src/config.ts'), ...doorsAt('src/log.ts'), ...doorsAt('src/metrics.ts')],
    [...noImport(above.ground, 'Ground stands alone.'), ...roots]),
  inside(['src/calls/**', 'src/subscriptions/**'], [], [...noImport(above.pure, 'Pure code is below.'), ...noIo, ...roots]),
  inside(['src/recordings/{link,range}.ts'], [], [...noImport(above.pure, 'Pure code is below.'), { group: ['node:*', '!node:crypto', '!node:path'], message: noIo[0].message }, ...roots]),
  inside(['src/recordings/{file,secret,recordings}.ts'], [], [...noImport(above.doors, 'Doors are below the flows.'), ...roots]),
  inside(['src/webhook/{outcome,backoff,sign,identity,retry-after,excerpt,instruction,host-names,envelope}.ts'], [], [...noImport(above.pure, 'Pure code is below.'), ...noIo, ...roots]),
  inside(['src/webhook/{send,exchange,proxy,routes,address,lookup,resolver,own-addresses,certificates,stopwatch,deadline,destinations,probe}.ts'], [...doorsAt('src/webhook/'), ...doorsAt('src/webhook/address.ts')], [...noImport(above.doors, 'Doors are below the flows.'), ...roots]),
  inside(['src/db/**'], doorsAt('src/db/'), [...noImport(above.doors, 'Doors are below the flows.'), ...roots]),
  inside(['src/esl/**'], doorsAt('src/esl/'), [...noImport(above.doors, 'Doors are below the flows.'), ...roots]),
  inside(['src/tracing/**'], doorsAt('src/tracing/'), [...noImport(above.doors, 'Doors are below the flows.'), ...roots]),
  {
    files: ['src/tracing/**'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: doorsAt('src/tracing/').map((name) => ({ name, allowTypeImports: true, message: 'Only a daemon that traces loads it: by import().' })) }] },
  },
  inside(['src/ingest/**'], [], [...noImport(['delivery', 'http', 'esl', 'sources'], 'Flows meet only in main.ts.'), ...roots]),
  inside(['src/delivery/**'], doorsAt('src/delivery/'), [...noImport(['ingest', 'http', 'esl', 'sources'], 'Flows meet only in main.ts.'), ...roots]),
  inside(['src/http/**'], doorsAt('src/http/'), [...noImport(['ingest', 'delivery', 'esl', 'sources'], 'Flows meet only in main.ts.'), ...roots]),
  inside(['src/overview/**'], [], [...noImport(['ingest', 'delivery', 'http', 'esl', 'sources'], 'Flows meet only in main.ts.'), ...roots]),
  inside(['src/dashboard/**'], [], [{ group: ['../*', 'node:*'], message: 'It runs in a browser, and talks only HTTP.' }]),
  inside(['src/sources/**'], [], [...noImport(['ingest', 'delivery', 'http', 'esl'], 'Flows meet only in main.ts.'), ...roots]),
  inside(['src/cli.ts', 'src/cli/**'], doorsAt('src/cli.ts'), []),
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/strict-void-return': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 6],
      'no-console': 'error',
      'no-restricted-globals': ['error', { name: 'setInterval', message: 'Loop with clock.sleep so that stop() can end it.' }],
    },
  },
);
