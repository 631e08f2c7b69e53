# The broker as a container: one image for the API, the workers, the sweep and the migrations; docker-compose.yml has
# their commands. Holds production dependencies only, and runs as a user that owns nothing in it.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-slim AS built
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci --no-audit --no-fund
COPY lib ./lib
COPY functions ./functions
COPY local ./local
COPY client ./client
COPY cli ./cli
COPY dashboard ./dashboard
COPY scripts ./scripts
RUN npm run build:dashboard && npm run build

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
# Node 24 lets the young generation grow to several times this, and both let the old one gather garbage to several times what is
# in use (docs/performance.md). A worker stops taking work at 85 % of the heap.
ENV NODE_OPTIONS="--max-semi-space-size=8 --max-old-space-size=512"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY --from=built /app/dist ./dist
COPY --from=built /app/dashboard/dist ./dashboard/dist
# `webhook-broker doctor` knows the stores as this container knows them.
COPY cli/bin.js ./cli/bin.js
COPY local/healthy.mjs ./local/healthy.mjs
USER node
EXPOSE 3000
# Of the API. The other processes serve nothing, and end when they cannot go on.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["node", "local/healthy.mjs"]
# Not through npm, which would not pass SIGTERM on.
CMD ["node", "dist/server/api.js"]
