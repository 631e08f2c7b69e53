// The layers of the house: arrows point one way. Each rule's comment says what a reader may rely on.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(lib|functions|local|client|cli|dashboard|bench|tests)/', pathNot: allowed },
})

/** The one folder that may import a package. */
const owner = (name, pkg, folders) => ({
  name,
  comment: `Only ${folders} may import ${pkg}.`,
  severity: 'error',
  from: { path: '^(lib|functions|local|cli|dashboard)/', pathNot: folders },
  to: { path: `node_modules/${pkg}` },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only(
      'domain-is-pure',
      '^lib/domain/',
      ['^lib/domain/'],
      'The domain imports nothing of ours but itself.',
    ),
    {
      name: 'domain-does-no-io',
      comment: 'No I/O in the domain. node:crypto is allowed for hashing and HMAC, which are pure.',
      severity: 'error',
      from: { path: '^lib/domain/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    only(
      'broker-knows-ports-only',
      '^lib/broker/',
      ['^lib/broker/', '^lib/domain/'],
      'Use cases know the domain and their ports.',
    ),
    {
      name: 'broker-does-no-io',
      severity: 'error',
      from: { path: '^lib/broker/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    ...['postgres', 'redis', 'queue', 'sender', 'lambda'].map((adapter) =>
      only(
        `${adapter}-is-an-adapter`,
        `^lib/${adapter}/`,
        [`^lib/${adapter}/`, '^lib/broker/ports\\.ts$', '^lib/domain/'],
        'Adapters know the ports and the domain, never each other.',
      ),
    ),
    only(
      'http-talks-to-use-cases',
      '^lib/http/',
      ['^lib/http/', '^lib/broker/', '^lib/domain/'],
      'HTTP translates; it does not reach into stores.',
    ),
    only(
      'events-talk-to-use-cases',
      '^lib/events/',
      ['^lib/events/', '^lib/broker/', '^lib/domain/'],
      'Event sources are translated; nothing here reaches into stores.',
    ),
    only(
      'config-stands-alone',
      '^lib/(config|config-auth|config-fields|config-qstash|config-client|logger|metrics|stations)\\.ts$',
      [
        '^lib/(domain/|config-auth\\.ts|config-fields\\.ts|config-qstash\\.ts|logger\\.ts|stations\\.ts|broker/ports\\.ts)',
      ],
      'Configuration, logging and metrics know the domain at most.',
    ),
    only(
      'functions-are-thin',
      '^functions/',
      [
        '^functions/',
        '^lib/http/',
        '^lib/events/',
        '^lib/wiring/',
        '^lib/broker/',
        '^lib/domain/',
        '^lib/config\\.ts$',
        '^lib/logger\\.ts$',
      ],
      'Handlers parse, call one use case, answer.',
    ),
    only(
      'client-stands-alone',
      '^client/',
      ['^client/'],
      'Who triggers or receives events carries the client, and nothing of the broker.',
    ),
    only(
      'dashboard-is-a-client',
      '^dashboard/',
      ['^dashboard/', '^client/'],
      'The dashboard knows the broker by its API alone.',
    ),
    {
      name: 'nobody-imports-functions-or-local',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(functions|local|client|cli|dashboard|bench|tests)/' },
    },
    {
      name: 'pglite-only-from-local',
      comment:
        'PGlite (and its 20 MB) is reached from local/ alone, so no function bundle carries it.',
      severity: 'error',
      from: { path: '^(lib/(?!postgres/embedded)|functions/)' },
      to: { path: 'lib/postgres/embedded' },
    },
    owner('sql-lives-in-postgres', '(pg|kysely)/', '^lib/postgres/'),
    owner('pglite-lives-in-embedded', '@electric-sql/', '^lib/postgres/embedded'),
    owner('bullmq-lives-in-queue', 'bullmq/', '^lib/queue/'),
    owner('undici-lives-in-sender', 'undici/', '^lib/sender/'),
    owner('ioredis-lives-in-redis-and-queue', 'ioredis/', '^(lib/redis|lib/queue|local)/'),
    owner('upstash-redis-lives-in-redis', '@upstash/redis/', '^lib/redis/'),
    owner('aws-sdk-lives-in-lambda', '@aws-sdk/', '^lib/lambda/'),
    owner('opentelemetry-lives-in-tracing', '@opentelemetry/', '^lib/tracing\\.ts$'),
    owner('preact-and-uplot-live-in-dashboard', '(preact|uplot)/', '^dashboard/'),
    owner('qstash-lives-in-queue', '@upstash/qstash/', '^lib/queue/qstash/'),
    owner('hono-lives-in-http', '(hono|@hono)/', '^(lib/http|functions|local)/'),
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^lib/' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
