/** Follows an inbox over as many streams as it takes. */
import { setTimeout as sleep } from "node:timers/promises";

import * as grpc from "@grpc/grpc-js";

import { type Bell, Gap } from "./bell.js";
import { errorFrom, milliseconds } from "./errors.js";
import type { SubscribeResponse__Output } from "./generated/tocsin/v1/SubscribeResponse.js";
import { Inboxes } from "./protos.js";

// A stream that says nothing for longer, not even HEARTBEAT, is over a dead link.
const HEARTBEAT_SECONDS = 10;
const PATIENCE_MS = 2.5 * HEARTBEAT_SECONDS * 1_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

// What asking again cannot mend. Whatever else ends a stream, a server that restarts can cause.
const FINAL = new Set([
  grpc.status.INVALID_ARGUMENT,
  grpc.status.NOT_FOUND,
  grpc.status.PERMISSION_DENIED,
  grpc.status.UNAUTHENTICATED,
  grpc.status.FAILED_PRECONDITION,
  grpc.status.UNIMPLEMENTED,
]);

export interface Listener {
  /** The bell has taken a response in. */
  changed(response: SubscribeResponse__Output): void;
  /** The stream is over, and another follows. */
  interrupted(cause: string): void;
}

/**
 * Keeps a bell up to date until `signal` says stop: resumes from its cursor when a stream ends.
 *
 * Throws a CallError when the stream failed in a way that another would not mend.
 */
export async function follow(
  client: grpc.Client,
  bell: Bell,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const stream = open(client, bell);
    const leave = () => stream.cancel();
    const watchdog = setTimeout(leave, PATIENCE_MS);
    signal.addEventListener("abort", leave);
    let cause = "the server ended it";
    let delay = 0;
    try {
      for await (const response of stream as AsyncIterable<SubscribeResponse__Output>) {
        watchdog.refresh();
        bell.take(response);
        listener.changed(response);
        if (response.phase === "SUBSCRIBE_PHASE_RECONNECT") {
          cause = "the server stops";
          delay = milliseconds(response.reconnectDelay);
          break;
        }
        failures = 0;
      }
    } catch (failure) {
      if (signal.aborted) return;
      if (failure instanceof Gap) {
        bell.forget();
        cause = failure.message;
      } else if (isServiceError(failure)) {
        const error = errorFrom(failure);
        if (FINAL.has(error.code)) throw error;
        cause = error.message;
        delay = error.retryDelay;
      } else {
        throw failure;
      }
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", leave);
      leave();
    }
    listener.interrupted(cause);
    // Exponential with full jitter, so that not everyone comes back at once.
    delay += Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
    await sleep(delay, undefined, { signal }).catch(() => undefined);
  }
}

/** Subscribes. It has no deadline: the watchdog is its own. */
function open(client: grpc.Client, bell: Bell) {
  const stream = client.makeServerStreamRequest(
    Inboxes.Subscribe.path,
    Inboxes.Subscribe.requestSerialize,
    Inboxes.Subscribe.responseDeserialize,
    { ...bell.open(), heartbeatInterval: { seconds: HEARTBEAT_SECONDS } },
    new grpc.Metadata({ waitForReady: true }),
  );
  // A stream that was left still says CANCELLED, to whom it may concern.
  stream.on("error", () => undefined);
  return stream;
}

function isServiceError(failure: unknown): failure is grpc.ServiceError {
  return failure instanceof Error && "code" in failure && "details" in failure;
}
