// Where QStash reaches a broker, behind BROKER_PUBLIC_URL: what is published to and what is served must be one.

export const QSTASH_PATH = '/internal/qstash'
