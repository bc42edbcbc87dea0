/** A request that cannot be answered as asked: the status, and what is wrong, in words for the client. */
export class Refused extends Error {
  constructor(status, error, details = {}, headers = {}) {
    super(error);
    this.status = status;
    this.body = { error, ...details };
    this.headers = headers;
  }
}
