/** What the bell makes of a stream's responses. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Bell, Gap } from "./bell.js";
import type { NotificationChange__Output } from "./generated/tocsin/v1/NotificationChange.js";
import type { SubscribeResponse__Output } from "./generated/tocsin/v1/SubscribeResponse.js";

const NOON = { seconds: "43200", nanos: 0 };

function arrival(revision: number, channelId = "news"): NotificationChange__Output {
  const message = { messageId: `m${revision}`, channelId, title: `${channelId} ${revision}` };
  return {
    revision: `${revision}`,
    kind: "upserted",
    upserted: {
      notificationId: `n${revision}`,
      message,
      seenTime: null,
      readTime: null,
      arriveRevision: `${revision}`,
    },
  } as NotificationChange__Output;
}

function readUpTo(revision: number, channelIds: string[]): NotificationChange__Output {
  const selector = { target: "channelIds", channelIds: { channelIds }, upToRevision: "2" };
  const marked = { selector, read: true, markTime: NOON };
  return { revision: `${revision}`, kind: "marked", marked } as NotificationChange__Output;
}

function response(
  phase: "SNAPSHOT" | "REPLAY" | "LIVE",
  [after, revision]: [number, number],
  changes: NotificationChange__Output[],
  { last = true } = {},
): SubscribeResponse__Output {
  const place = last || phase !== "SNAPSHOT" ? { cursor: `c${revision}`, inbox: { revision } } : {};
  const span = { afterRevision: `${after}`, revision: `${revision}` };
  const shape = { phase: `SUBSCRIBE_PHASE_${phase}`, ...span, changes, caughtUp: last, ...place };
  return shape as unknown as SubscribeResponse__Output;
}

function opened(...revisions: number[]): Bell {
  const bell = new Bell("alice", 3);
  bell.open();
  bell.take(response("SNAPSHOT", [0, 3], revisions.map((revision) => arrival(revision))));
  return bell;
}

const ids = (bell: Bell) => bell.notifications.map(({ notificationId }) => notificationId);

test("a snapshot of several responses replaces what the bell held", () => {
  const bell = opened(3, 2);
  bell.open();

  bell.take(response("SNAPSHOT", [0, 9], [arrival(9)], { last: false }));
  assert.equal(bell.open().cursor, "", "a part of a snapshot is nothing to resume from");
  bell.take(response("SNAPSHOT", [0, 9], [arrival(9)], { last: false }));
  bell.take(response("SNAPSHOT", [9, 9], [arrival(8)]));

  assert.deepEqual(ids(bell), ["n9", "n8"]);
  assert.equal(bell.open().cursor, "c9");
});

test("a stream that resumes goes on where the last one ended", () => {
  const bell = opened(3);
  bell.open();

  bell.take(response("REPLAY", [3, 5], [arrival(5)]));
  bell.take(response("LIVE", [5, 6], [arrival(6)]));

  assert.deepEqual(ids(bell), ["n6", "n5", "n3"]);
  assert.equal(bell.revision, "6");
});

test("a response that goes on elsewhere is a gap, and changes nothing", () => {
  const bell = opened(3);

  assert.throws(() => bell.take(response("LIVE", [4, 5], [arrival(5)])), Gap);

  assert.deepEqual(ids(bell), ["n3"]);
  assert.equal(bell.revision, "3");
});

test("a mark holds for what it selects, and for nothing that came later", () => {
  const bell = opened(2, 3);
  bell.take(response("LIVE", [3, 4], [readUpTo(4, ["other"])]));
  bell.take(response("LIVE", [4, 5], [readUpTo(5, ["news"])]));

  const read = bell.notifications.filter(({ readTime, seenTime }) => readTime && seenTime);

  assert.deepEqual(read.map(({ notificationId }) => notificationId), ["n2"]);
});

test("a mark of a target that is not known is a gap, and marks nothing", () => {
  const bell = opened(2, 3);
  const change = readUpTo(4, []);
  delete change.marked?.selector?.channelIds;
  delete change.marked?.selector?.target;

  assert.throws(() => bell.take(response("LIVE", [3, 4], [change])), Gap);

  assert.deepEqual(bell.notifications.map(({ readTime }) => readTime), [null, null]);
});

test("the newest stay, in the order of their arrival", () => {
  const bell = opened(3, 2, 1);

  bell.take(response("LIVE", [3, 10], [arrival(10), arrival(9)]));

  assert.deepEqual(ids(bell), ["n10", "n9", "n3"]);
});

test("revisions beyond what a number holds are told apart", () => {
  const bell = new Bell("alice");
  bell.open();
  const beyond = { ...response("SNAPSHOT", [0, 0], []), revision: "9007199254740993" };
  bell.take(beyond);

  const next = { ...response("LIVE", [0, 0], []), afterRevision: "9007199254740992" };

  assert.throws(() => bell.take(next), Gap);
});
