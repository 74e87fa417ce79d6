/** A connection to Tocsin, and its calls. */
import * as grpc from "@grpc/grpc-js";

import { errorFrom } from "./errors.js";

/** A client for every service. It connects by itself, again and again, with its first call. */
export function connect(target: string): grpc.Client {
  return new grpc.Client(target, grpc.credentials.createInsecure(), {
    // A dead link is found, an idle one's too; the server takes a ping in 10 s.
    "grpc.keepalive_time_ms": 15_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
    // A server that starts again is found within about a second.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    // A link of its own: others that this process has to the target are left alone.
    "grpc.use_local_subchannel_pool": 1,
    // A server that stops answers CANCELLED to what it has not begun. Repeating a call is safe when
    // it only reads, or has a request id.
    "grpc.service_config": JSON.stringify({
      methodConfig: [
        {
          name: [{}],
          retryPolicy: {
            maxAttempts: 5,
            initialBackoff: "0.1s",
            maxBackoff: "2s",
            backoffMultiplier: 2,
            retryableStatusCodes: ["UNAVAILABLE", "CANCELLED"],
          },
        },
      ],
    }),
  });
}

/**
 * Calls a method, and gives its answer within so many seconds; while there is no server, it waits
 * for one. A change must have a `requestId`, by which it is made once, however often it is sent.
 *
 * Throws a CallError. After DEADLINE_EXCEEDED a change may have been made or not: call again with
 * the same `requestId`.
 */
export function ask<Request, Response>(
  client: grpc.Client,
  method: grpc.MethodDefinition<Request, Response>,
  request: Request,
  seconds = 20,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new grpc.Metadata({ waitForReady: true }),
      { deadline: Date.now() + seconds * 1_000 },
      (failure, response) => (failure ? reject(errorFrom(failure)) : resolve(response!)),
    );
  });
}
