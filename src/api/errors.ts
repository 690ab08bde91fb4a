// How a failure looks on HTTP: one JSON shape for all, the catalogue's code, and the status each code has here.
import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CodedError, ErrorCode } from '../base/index.ts';

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly status: number;
}

/** Codes the API answers with. A code that isn't here is a fault of ours: 500. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  REQUEST_INVALID: 400,
  CONFIG_INVALID: 400,
  RESOURCE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFIG_OWNED: 409,
  NAME_TAKEN: 409,
  NAME_IN_USE: 409,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  HOST_UNKNOWN: 421,
  STORE_UNAVAILABLE: 503,
  NODE_DRAINING: 503,
  ENGINE_LOST: 503,
};

const STATUS_FAULT = 500;

/** Codes by the status fastify gives a request it refuses itself. */
const CODE_BY_STATUS: Readonly<Partial<Record<number, ErrorCode>>> = {
  404: 'RESOURCE_NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  415: 'CONTENT_TYPE_UNSUPPORTED',
};

/** Answers a request with a coded failure. */
export function sendError(reply: FastifyReply, error: CodedError): FastifyReply {
  const status = STATUS[error.code] ?? STATUS_FAULT;
  if (error.retryAfterS !== undefined)
    void reply.header('retry-after', String(Math.ceil(error.retryAfterS)));
  return send(reply, status, error.code, error.message);
}

interface ParserRefusal {
  readonly status: number;
  readonly phrase: string;
  readonly message: string;
}

/** What Node's parser refuses before there is a request, by its codes; the rest is no HTTP. */
const PARSER_REFUSALS: Readonly<Partial<Record<string, ParserRefusal>>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    phrase: 'Request Header Fields Too Large',
    message: 'the request’s head is larger than the API takes',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    phrase: 'Request Timeout',
    message: 'the request was not whole in time',
  },
};
const NO_HTTP: ParserRefusal = {
  status: 400,
  phrase: 'Bad Request',
  message: 'the request is not HTTP',
};

/** Answers on the socket what never became a request, in the shape of all other failures. The connection ends with it. */
export function answerClientError(error: Error, socket: Duplex): void {
  const parserCode = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (parserCode === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, phrase, message } = PARSER_REFUSALS[parserCode] ?? NO_HTTP;
  const body: ErrorBody = { code: 'REQUEST_INVALID', message, status };
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${phrase}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

/** Makes unknown paths, refused requests and thrown faults answer in the one shape; no stack ever leaves. */
export function registerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, { code: 'RESOURCE_NOT_FOUND', message: `no resource at ${pathOf(request)}` }),
  );
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.validation === undefined ? (error.statusCode ?? STATUS_FAULT) : 400;
    if (status >= 400 && status < STATUS_FAULT) {
      return send(reply, status, CODE_BY_STATUS[status] ?? 'REQUEST_INVALID', error.message);
    }
    request.log.error({ err: error, path: pathOf(request) }, 'request failed by a fault of ours');
    return send(
      reply,
      STATUS_FAULT,
      'INTERNAL_FAULT',
      `a fault of ours; the log has it under request ${request.id}`,
    );
  });
}

function send(reply: FastifyReply, status: number, code: ErrorCode, message: string): FastifyReply {
  const body: ErrorBody = { code, message, status };
  // A route may have set its own type and answer schema before it failed; an error is JSON all the same.
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(body);
}

/** Without the query, which may hold numbers. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
