/** Why a signature cannot be used: a value, never an exception. */
export class Fault {
  /** What cannot be done, then why; ends with the sid where the text has one. */
  readonly message: string;
  /** Where in the text, from 1. */
  readonly column: number;

  constructor(message: string, column: number) {
    this.message = message;
    this.column = column;
  }
}
