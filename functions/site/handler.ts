// What lies outside the API: health, the OpenAPI document and its page, the dashboard. It also gets every request that is nobody's, so
// that these are asked for a key and answered with a problem document, as everywhere.

import { makeReadiness } from '../../lib/broker/readiness.ts'
import { DEFAULT_TENANT } from '../../lib/domain/api-key.ts'
import { handleHttp } from '../../lib/http/lambda.ts'
import { API_ROUTES } from '../../lib/http/openapi.ts'
import { mountDashboard } from '../../lib/http/routes/dashboard.ts'
import { mountSite } from '../../lib/http/routes/site.ts'
import { readDashboard } from '../../lib/wiring/dashboard.ts'
import { openRoutingTable } from '../../lib/wiring/routing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('site')
const routing = await openRoutingTable(opened)
const app = openApp(opened, API_ROUTES)
mountSite(
  app,
  makeReadiness({
    reader: opened.stores.reader,
    optional: {
      // Any answer will do; a broker without Redis is degraded for good, and says so.
      redis: async () => (await routing?.versions([DEFAULT_TENANT])) !== undefined,
    },
  }),
)
// The package has the files in the same place as the repository.
mountDashboard(app, readDashboard(new URL('../../dashboard/dist/', import.meta.url)))

export const handler = handleHttp(app)
