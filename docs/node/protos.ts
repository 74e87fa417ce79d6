/** The protos, loaded as they are; `npm run generate` writes their types into generated/. */
import { fileURLToPath } from "node:url";

import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";

import type { ProtoGrpcType as ChannelTypes } from "./generated/channel_service.js";
import type { ProtoGrpcType as ErrorTypes } from "./generated/error_details.js";
import type { ProtoGrpcType as InboxTypes } from "./generated/inbox_service.js";
import type { ProtoGrpcType as MessageTypes } from "./generated/message_service.js";

// From build/: this package, and the protos of this repository. Copy both into your own.
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const PROTOS = fileURLToPath(new URL("../../../protos", import.meta.url));

const loaded = loader.loadSync(
  [
    "error_details.proto",
    "tocsin/v1/channel_service.proto",
    "tocsin/v1/inbox_service.proto",
    "tocsin/v1/message_service.proto",
  ],
  // The types were generated with the same options.
  {
    includeDirs: [PACKAGE, PROTOS],
    // Revisions and counts are int64. A number is exact up to 2^53 only and rounds without a word;
    // a string is exact, equal when it is the same, and BigInt(it) where the order matters.
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    // An error's details are given as what they are, not as bytes.
    json: true,
  },
);

const { google, tocsin } = grpc.loadPackageDefinition(loaded) as unknown as ChannelTypes &
  ErrorTypes &
  InboxTypes &
  MessageTypes;

export const Channels = tocsin.v1.ChannelService.service;
export const Inboxes = tocsin.v1.InboxService.service;
export const Messages = tocsin.v1.MessageService.service;
export const Status = google.rpc.Status;
