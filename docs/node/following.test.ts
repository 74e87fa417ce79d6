/** How a bell is followed over streams that end, by a server that plays a script. */
import assert from "node:assert/strict";
import { test } from "node:test";

import * as grpc from "@grpc/grpc-js";

import { Bell } from "./bell.js";
import { connect } from "./calling.js";
import { CallError } from "./errors.js";
import { follow } from "./following.js";
import type { SubscribeRequest__Output } from "./generated/tocsin/v1/SubscribeRequest.js";
import type { SubscribeResponse } from "./generated/tocsin/v1/SubscribeResponse.js";
import { Inboxes } from "./protos.js";

type Stream = grpc.ServerWritableStream<SubscribeRequest__Output, SubscribeResponse>;
type Scene = (stream: Stream) => unknown;

/** A stream's first response, at a revision. */
function opening(revision: string): SubscribeResponse {
  const inbox = { userId: "alice", revision };
  return { phase: "SUBSCRIBE_PHASE_SNAPSHOT", revision, inbox, cursor: `c${revision}`, caughtUp: true };
}

function idle(phase: "HEARTBEAT" | "RECONNECT", revision: string): SubscribeResponse {
  const place = { afterRevision: revision, revision, cursor: `c${revision}` };
  return { phase: `SUBSCRIBE_PHASE_${phase}`, ...place, reconnectDelay: { nanos: 1_000_000 } };
}

/** Follows through a scene a stream, and one more stream; gives the cursors that they came with. */
async function play(...scenes: Scene[]): Promise<{ cursors: string[]; causes: string[] }> {
  const cursors: string[] = [];
  const causes: string[] = [];
  const stop = new AbortController();
  const server = new grpc.Server();
  const end: Scene = () => stop.abort();
  server.addService({ Subscribe: Inboxes.Subscribe } as unknown as grpc.ServiceDefinition, {
    Subscribe: (stream: Stream) => {
      cursors.push(stream.request.cursor);
      (scenes[cursors.length - 1] ?? end)(stream);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = connect(`127.0.0.1:${port}`);
  const listener = { changed: () => undefined, interrupted: (cause: string) => causes.push(cause) };
  try {
    await follow(client, new Bell("alice"), listener, stop.signal);
  } finally {
    client.close();
    server.forceShutdown();
  }
  return { cursors, causes };
}

const failing = (code: grpc.status, details: string): Scene => (stream) =>
  stream.emit("error", { code, details });

test("a stream that ends, fails or says RECONNECT is resumed from the last cursor", async () => {
  const { cursors, causes } = await play(
    (stream) => {
      stream.write(opening("1"));
      stream.end();
    },
    failing(grpc.status.INTERNAL, "the link broke"),
    (stream) => stream.write(idle("RECONNECT", "1")),
  );

  assert.deepEqual(cursors, ["", "c1", "c1", "c1"]);
  assert.deepEqual(causes, ["the server ended it", "the link broke", "the server stops"]);
});

test("after a gap it starts over", async () => {
  const { cursors, causes } = await play((stream) => {
    stream.write(opening("1"));
    stream.write(idle("HEARTBEAT", "2"));
  });

  assert.deepEqual(cursors, ["", ""]);
  assert.deepEqual(causes, ["the stream goes on after 2, not 1"]);
});

test("what another stream would not mend is an error", async () => {
  const failure = await play(failing(grpc.status.PERMISSION_DENIED, "not yours")).catch(
    (error: unknown) => error,
  );

  assert(failure instanceof CallError);
  assert.equal(failure.code, grpc.status.PERMISSION_DENIED);
  assert.equal(failure.message, "not yours");
});
