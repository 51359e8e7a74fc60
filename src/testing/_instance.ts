import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { NatsServerStartError } from "../errors.ts";
import { serverConfig, type ServerSettings } from "./_config.ts";
import { readLogTail } from "./_log_tail.ts";
import { delay } from "./_delay.ts";
import { isFrozen } from "./_frozen.ts";
import { askMonitor, readServerInfo } from "./_probe.ts";
import type { Watch } from "./_watchdog.ts";
import type { NatsServer } from "./nats_server.ts";

/** How long an orderly shutdown may take, in milliseconds, before the process is killed. */
const SHUTDOWN_TIMEOUT = 10_000;
/** How often a condition is looked at again, in milliseconds. */
const POLL_INTERVAL = 20;
/** What the system says on Unix and on Windows when a port is bound already. */
const PORT_TAKEN = /address already in use|only one usage of each socket address/i;

/** What an instance is made of. */
export interface InstanceParts {
  binary: string;
  version: string;
  /** The temporary folder of configuration, log and process id, removed by `stop()`. */
  folder: string;
  settings: ServerSettings;
  timeout: number;
  watch: Watch;
  /** What this server still lacks as a member of its cluster, or nothing; a single server has no such thing. */
  missingInCluster?: (self: ServerInstance) => Promise<string>;
}

/** One server process and its ports, store and folder. */
export class ServerInstance implements NatsServer {
  readonly #parts: InstanceParts;
  #child: ChildProcess | undefined;
  #paused = false;
  #exited: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: InstanceParts) {
    this.#parts = parts;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string | undefined {
    const port = this.#parts.settings.websocketPort;
    return port === undefined ? undefined : `ws://127.0.0.1:${port}`;
  }

  get port(): number {
    return this.#parts.settings.port;
  }

  get name(): string {
    return this.#parts.settings.name;
  }

  get version(): string {
    return this.#parts.version;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  logs(): string {
    const { auth } = this.#parts.settings;
    const secret = auth === undefined ? undefined : "token" in auth ? auth.token : auth.password;
    return readLogTail(join(this.#parts.folder, "nats.log"), secret);
  }

  /** Starts the process and waits until it is ready; for the first start, `restart()` for later ones. */
  start(signal?: AbortSignal, timeout?: number): Promise<void> {
    return this.#inTurn(() => this.#start(false, signal, timeout));
  }

  /** The temporary folder. */
  get folder(): string {
    return this.#parts.folder;
  }

  /** Whether it runs and is not paused. */
  get serves(): boolean {
    return this.#child !== undefined && !this.#paused;
  }

  /** Asks the monitoring port, which only this folder uses. */
  ask(path: string): Promise<{ status: number; body: string }> {
    return askMonitor(this.#parts.settings.monitorPort, path);
  }

  stop(): Promise<void> {
    return this.#stopped ??= this.#inTurn(async () => {
      await this.#shutDown();
      await fs.promises.rm(this.#parts.folder, { recursive: true, force: true, maxRetries: 5 });
      this.#parts.watch.release();
    });
  }

  async kill(): Promise<void> {
    await this.#inTurn(() => this.#end());
  }

  async restart(): Promise<void> {
    if (this.#stopped) {
      throw new Error(`${this.name} was stopped and its store removed: start another`);
    }
    await this.#inTurn(async () => {
      await this.#shutDown();
      await this.#start(true);
    });
  }

  async pause(): Promise<void> {
    if (process.platform === "win32") throw new Error("pause() needs SIGSTOP, which Windows lacks");
    await this.#inTurn(async () => {
      this.#signal("SIGSTOP");
      // The signal is only on its way: the threads of a busy server go on for a moment.
      const deadline = Date.now() + SHUTDOWN_TIMEOUT;
      while (this.pid !== undefined && !await isFrozen(this.pid)) {
        if (Date.now() > deadline) throw new Error(`${this.name} did not freeze`);
        await delay(1);
      }
    });
  }

  async resume(): Promise<void> {
    await this.#inTurn(() => Promise.resolve(this.#signal("SIGCONT")));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Runs one operation after the other, so that a `stop()` during a `restart()` finds a process to stop. */
  #inTurn(operation: () => Promise<void>): Promise<void> {
    const result = this.#last.then(operation);
    this.#last = result.catch(() => {});
    return result;
  }

  #signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.pid === undefined) throw new Error(`${this.name} is not running`);
    process.kill(this.pid, signal);
    this.#paused = signal === "SIGSTOP";
  }

  async #end(): Promise<void> {
    this.#child?.ref();
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  async #shutDown(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    // A paused process would take no notice of anything but SIGKILL.
    if (process.platform !== "win32") this.#signal("SIGCONT");
    child.ref();
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), SHUTDOWN_TIMEOUT);
    await this.#exited;
    clearTimeout(timer);
  }

  /** A start takes its ports or fails; a restart waits for its own ports to be free again. */
  async #start(
    again: boolean,
    signal?: AbortSignal,
    timeout: number = this.#parts.timeout,
  ): Promise<void> {
    const deadline = Date.now() + timeout;
    while (true) {
      signal?.throwIfAborted();
      this.#spawn();
      const missing = await this.#missingAt(deadline, signal);
      if (missing === "") return;
      const outcome = this.#child
        ? "timed out"
        : PORT_TAKEN.test(this.logs())
        ? "port taken"
        : "ended";
      const problem = this.#child
        ? `not ready within ${timeout} ms: ${missing}`
        : "the process ended";
      await this.#end();
      signal?.throwIfAborted();
      if (!again || outcome !== "port taken" || Date.now() >= deadline) {
        throw new NatsServerStartError(this.name, problem, this.logs(), outcome);
      }
      await delay(POLL_INTERVAL);
    }
  }

  #spawn(): void {
    const { binary, folder, settings, watch } = this.#parts;
    const config = join(folder, "nats.conf");
    const pidFile = join(folder, "nats.pid");
    fs.writeFileSync(config, serverConfig(settings), { mode: 0o600 });
    const log = fs.openSync(join(folder, "nats.log"), "a");
    const child = spawn(binary, ["--config", config, "--pid", pidFile], {
      cwd: folder,
      stdio: ["ignore", log, log],
      // In a group of its own, so that Ctrl-C reaches the caller alone, who then decides.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    fs.closeSync(log);
    const { pid } = child;
    if (pid !== undefined) watch.started(pid);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const ended = (): void => {
        if (this.#child !== child) return;
        this.#child = undefined;
        this.#paused = false;
        if (pid !== undefined) watch.ended(pid);
        fs.rmSync(pidFile, { force: true });
        resolve();
      };
      child.once("exit", ended);
      child.once("error", ended);
    });
    child.unref();
  }

  /** Waits until nothing is missing; gives back what is when the process ended or the deadline passed. */
  async #missingAt(deadline: number, signal?: AbortSignal): Promise<string> {
    let missing = "it did not listen yet";
    while (this.#child && Date.now() < deadline && !signal?.aborted) {
      try {
        missing = await this.#missing();
      } catch (error) {
        missing = (error as Error).message;
      }
      if (missing === "") break;
      await delay(POLL_INTERVAL);
    }
    return missing;
  }

  async #missing(): Promise<string> {
    const { settings, missingInCluster } = this.#parts;
    const info = await readServerInfo(settings.port);
    if (info.server_name !== this.name) return `${info.server_name} listens on port ${this.port}`;
    if (settings.storeDir === undefined) return "";
    const { status, body } = await this.ask("/healthz?js-enabled-only=true");
    if (status !== 200) return `JetStream is not ready: ${body.trim()}`;
    return await missingInCluster?.(this) ?? "";
  }
}
