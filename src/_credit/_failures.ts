/**
 * Why an upload with credit cannot succeed any more (PROTOCOL 4), in words.
 *
 * @module
 */
import type { ReceiverFailure } from "../errors.ts";

/** A reason, as a code and in words. */
export interface Failure {
  readonly reason: ReceiverFailure;
  readonly message: string;
}

/** Nobody is subscribed. */
export function absent(): Failure {
  return { reason: "absent", message: "nobody is subscribed to the subject" };
}

/** Nobody granted credit in time; `stream` is the one that stored the asks, if one did. */
export function mute(timeout: number, stream: string | undefined): Failure {
  const nobody = `no receiver granted credit within ${timeout} ms`;
  const message = stream === undefined
    ? `${nobody}: who listens does not speak the credit protocol; delivery: "unconfirmed" sends to such receivers, ` +
      "without knowing what arrives"
    : `${nobody}, but the stream ${
      JSON.stringify(stream)
    } captures the subject: pass a JetStream client as target ` +
      "to store the chunks there";
  return { reason: "mute", message };
}

/** A receiver that took part answers no more; `undefined` where it is none in particular. */
export function silent(timeout: number, receiver: string | undefined): Failure {
  const message = receiver === undefined
    ? `no receiver answers any more, for ${timeout} ms`
    : `the receiver ${receiver} answered no ask for ${timeout} ms`;
  return { reason: "silent", message };
}

/** The connection did not come back in time, so that no receiver could be heard. */
export function away(timeout: number): Failure {
  const message = `the connection is lost, and no receiver was heard for ${timeout} ms`;
  return { reason: "silent", message };
}

/** A receiver refused the upload. */
export function rejected(reason: string | undefined): Failure {
  if (reason === "taken") {
    return { reason, message: "its id is taken: another sender is using it" };
  }
  return { reason: "rejected", message: `a receiver rejected it: ${reason ?? "no reason given"}` };
}

/** A receiver says that it has completed the upload, before anything of it was sent. */
export function alreadyComplete(): Failure {
  const message = "its id is taken: a receiver has already completed an upload with it";
  return { reason: "taken", message };
}

/** The chunks do not all go to the same receiver. */
export function queueGroup(): Failure {
  const message =
    "its chunks go to different receivers, as a queue group spreads them, so that none can finish it: " +
    "subscribe without a queue, or use JetStream";
  return { reason: "queue-group", message };
}

/** What the receiver had is lost, and the source does not have it any more. */
export function restarted(): Failure {
  const message =
    "the receiver restarted or gave up what it had, and the source cannot be read again from its start";
  return { reason: "restarted", message };
}
