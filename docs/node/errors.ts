/** What a call fails with: the status, and the details that Tocsin puts beside it. */
import * as grpc from "@grpc/grpc-js";

import type { BadRequest__Output } from "./generated/google/rpc/BadRequest.js";
import type { ErrorInfo__Output } from "./generated/google/rpc/ErrorInfo.js";
import type { RetryInfo__Output } from "./generated/google/rpc/RetryInfo.js";
import { Status } from "./protos.js";

export class CallError extends Error {
  /** An `ErrorReason` without its prefix; empty when the error is not Tocsin's own. */
  reason = "";
  /** Every part of the message that varies, by name. */
  metadata: Record<string, string> = {};
  /** Every violated field of the request, with its rule. */
  violations: { field: string; description: string }[] = [];
  /** After how many milliseconds a repeat may succeed, where the server says so. */
  retryDelay = 0;

  constructor(
    message: string,
    readonly code: grpc.status,
  ) {
    super(message);
  }
}

/** The error that says what `failure` says, with the details of its trailer. */
export function errorFrom(failure: grpc.ServiceError): CallError {
  const error = new CallError(failure.details || failure.message, failure.code);
  const [encoded] = failure.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(encoded instanceof Buffer)) return error;
  for (const detail of Status.deserialize(encoded).details) {
    if (!("@type" in detail)) continue;
    switch (detail["@type"]) {
      case "type.googleapis.com/google.rpc.ErrorInfo": {
        const info = detail as unknown as ErrorInfo__Output;
        if (info.domain === "tocsin") ({ reason: error.reason, metadata: error.metadata } = info);
        break;
      }
      case "type.googleapis.com/google.rpc.BadRequest":
        error.violations = (detail as unknown as BadRequest__Output).fieldViolations;
        break;
      case "type.googleapis.com/google.rpc.RetryInfo":
        error.retryDelay = milliseconds((detail as unknown as RetryInfo__Output).retryDelay);
        break;
    }
  }
  return error;
}

/** A Duration in milliseconds; 0 where there is none. */
export function milliseconds(duration: { seconds: string; nanos: number } | null): number {
  return duration === null ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;
}
