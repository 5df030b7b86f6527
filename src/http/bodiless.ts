import type { FastifyInstance } from 'fastify';

/** Routes that read no body, whatever a client sends: many announce JSON on every request, and send none with a DELETE. */
export function bodiless(app: FastifyInstance, register: (scope: FastifyInstance) => void): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, parsed) => parsed(null));
    register(scope);
    done();
  });
}
