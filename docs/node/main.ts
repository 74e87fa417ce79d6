/** Rings a user's bell: `main.js HOST:PORT USER`, and on stdin the titles to send, one a line. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";

import * as grpc from "@grpc/grpc-js";

import { Bell } from "./bell.js";
import { ask, connect } from "./calling.js";
import { CallError } from "./errors.js";
import { follow } from "./following.js";
import type { SubscribeResponse__Output } from "./generated/tocsin/v1/SubscribeResponse.js";
import { Channels, Inboxes, Messages } from "./protos.js";

const CHANNEL = "marketing-clue";

async function main(target: string, userId: string): Promise<void> {
  const client = connect(target);
  const stop = new AbortController();
  const bell = new Bell(userId);
  const arrived = new Set<string>();
  const news = new EventTarget();

  const changed = ({ phase, changes, inbox }: SubscribeResponse__Output) => {
    for (const { upserted } of changes) {
      if (!upserted?.message) continue;
      arrived.add(upserted.message.messageId);
      console.log(`${phase.replace("SUBSCRIBE_PHASE_", "")}: ${upserted.message.title}`);
    }
    if (inbox) console.log(`${userId} has ${inbox.unreadCount} unread`);
    news.dispatchEvent(new Event("news"));
  };
  const interrupted = (cause: string) => console.log(`interrupted: ${cause}`);

  const work = async () => {
    await createChannel(client);
    while (bell.inbox === null) await once(news, "news");
    for await (const title of createInterface({ input: process.stdin })) {
      const messageId = await send(client, userId, title);
      while (!arrived.has(messageId)) await once(news, "news");
    }

    const { inbox, updatedCount } = await ask(client, Inboxes.UpdateNotifications, {
      userId,
      // What arrives from now on stays unread.
      selector: { all: true, upToRevision: bell.revision },
      read: true,
      requestId: randomUUID(),
    });
    while (BigInt(bell.revision) < BigInt(inbox?.revision ?? 0)) await once(news, "news");
    const unread = bell.notifications.filter(({ readTime }) => readTime === null);
    console.log(`marked ${updatedCount} read; unread on the bell: ${unread.length}`);

    for await (const title of list(client, userId)) console.log(`listed: ${title}`);
  };

  try {
    await Promise.race([follow(client, bell, { changed, interrupted }, stop.signal), work()]);
  } finally {
    stop.abort();
    client.close();
  }
}

async function createChannel(client: grpc.Client): Promise<void> {
  try {
    await ask(client, Channels.CreateChannel, {
      channel: { channelId: CHANNEL, title: "Marketing clues" },
      requestId: randomUUID(),
    });
  } catch (error) {
    if (!(error instanceof CallError && error.reason === "CHANNEL_ALREADY_EXISTS")) throw error;
  }
}

/** Sends a message to a user; gives its id. */
async function send(client: grpc.Client, userId: string, title: string): Promise<string> {
  const { message } = await ask(client, Messages.SendMessage, {
    // In an application: what the message is about, "lead-42", so that the same is never sent twice.
    requestId: randomUUID(),
    message: { channelId: CHANNEL, title, url: "/leads/42" },
    audience: { userIds: [userId] },
  });
  return message?.messageId ?? "";
}

/** The titles of all that an inbox holds, latest first, page by page. */
async function* list(client: grpc.Client, userId: string): AsyncGenerator<string> {
  let pageToken = "";
  do {
    const page = await ask(client, Inboxes.ListNotifications, { userId, pageToken });
    yield* page.notifications.map(({ message }) => message?.title ?? "");
    pageToken = page.nextPageToken;
  } while (pageToken);
}

const [target, userId] = process.argv.slice(2);
if (target === undefined || userId === undefined) {
  console.error("usage: main.js HOST:PORT USER < titles");
  process.exit(2);
}
try {
  await main(target, userId);
} catch (error) {
  if (!(error instanceof CallError)) throw error;
  console.error(`${error.reason || grpc.status[error.code]}: ${error.message}`);
  for (const { field, description } of error.violations) console.error(`${field} ${description}`);
  process.exit(1);
}
