/** A user's bell: the newest notifications and the counts, as the inbox's stream tells them. */
import type { Inbox__Output } from "./generated/tocsin/v1/Inbox.js";
import type { Mark__Output } from "./generated/tocsin/v1/Mark.js";
import type { Notification__Output } from "./generated/tocsin/v1/Notification.js";
import type { NotificationChange__Output } from "./generated/tocsin/v1/NotificationChange.js";
import type { SubscribeRequest } from "./generated/tocsin/v1/SubscribeRequest.js";
import type { SubscribeResponse__Output } from "./generated/tocsin/v1/SubscribeResponse.js";

/** The stream did not go on where it was: what the bell holds may lack something. */
export class Gap extends Error {}

/** Holds what the stream has told, and proves that nothing is missing. */
export class Bell {
  /** The counts, as of `inbox.revision`; null until the first SNAPSHOT is complete. */
  inbox: Inbox__Output | null = null;
  /** The last revision that the bell has completely. */
  revision = "0";
  /** Resumes after what the bell has. Keep it beside what it stands for, or not at all. */
  cursor = "";

  #held = new Map<string, Notification__Output>();
  // In the middle of a SNAPSHOT the bell holds a part of something.
  #inSnapshot = false;

  constructor(
    readonly userId: string,
    readonly size = 50,
  ) {}

  /** The newest notifications, latest arrival first. */
  get notifications(): Notification__Output[] {
    return [...this.#held.values()].sort((a, b) =>
      Number(BigInt(b.arriveRevision) - BigInt(a.arriveRevision)),
    );
  }

  /** A new stream begins, with the request given. */
  open(): SubscribeRequest {
    this.#inSnapshot = false;
    return { userId: this.userId, cursor: this.cursor, snapshotSize: this.size };
  }

  /** Starts over with the next stream: it has no cursor, and opens with a SNAPSHOT. */
  forget(): void {
    this.cursor = "";
  }

  /**
   * Takes the stream's next response in.
   *
   * Throws a Gap, and changes nothing, when the response does not go on where the bell is.
   */
  take(response: SubscribeResponse__Output): void {
    const snapshot = response.phase === "SUBSCRIBE_PHASE_SNAPSHOT";
    if (snapshot && !this.#inSnapshot) {
      this.#held.clear();
      this.cursor = "";
    } else if (response.afterRevision !== this.revision) {
      throw new Gap(`the stream goes on after ${response.afterRevision}, not ${this.revision}`);
    }
    // Only a newer server makes such a change; a SNAPSHOT tells its effect.
    if (!response.changes.every(isKnown)) throw new Gap("unknown change");

    this.#inSnapshot = snapshot && !response.caughtUp;
    response.changes.forEach((change) => this.#apply(change));
    for (const dropped of this.notifications.slice(this.size)) {
      this.#held.delete(dropped.notificationId);
    }
    this.revision = response.revision;
    this.inbox = response.inbox ?? this.inbox;
    this.cursor = response.cursor || this.cursor;
  }

  #apply(change: NotificationChange__Output): void {
    if (change.upserted) this.#held.set(change.upserted.notificationId, change.upserted);
    if (change.removed) this.#held.delete(change.removed);
    if (change.marked) this.#mark(change.marked);
  }

  #mark({ selector, read, seen, markTime }: Mark__Output): void {
    const channels = selector?.channelIds?.channelIds;
    for (const held of this.#held.values()) {
      if (BigInt(held.arriveRevision) > BigInt(selector?.upToRevision ?? 0)) continue;
      if (channels && !channels.includes(held.message?.channelId ?? "")) continue;
      // A time that is set stays. Read implies seen, and unseen implies unread.
      if (read || seen) held.seenTime ??= markTime;
      if (read) held.readTime ??= markTime;
      if (read === false || seen === false) held.readTime = null;
      if (seen === false) held.seenTime = null;
    }
  }
}

/** Whether the bell can apply a change; a mark of another target would mark too much. */
function isKnown({ kind, marked }: NotificationChange__Output): boolean {
  return kind === "marked" ? marked?.selector?.target !== undefined : kind !== undefined;
}
