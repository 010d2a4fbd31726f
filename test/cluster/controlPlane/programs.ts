/** Starts and stops the programs of Kubernetes by name; where they run is the matter of whoever implements it. */
export interface Programs {
  /** Starts a program whose output goes to a log of that name. Nothing happens where it runs already. */
  start(name: string, command: readonly string[]): Promise<void>;
  /** Ends it and waits for its end. Nothing happens where it does not run. */
  stop(name: string, signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  isRunning(name: string): Promise<boolean>;
  /** The end of its log, for people who ask why it died. */
  lastWords(name: string): string;
}
