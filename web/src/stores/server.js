import { get, post } from "../requests.js";

// A store keeps what a person does. All have the same calls, which end when it is kept:
//   study() -> the study                       open({code, source}) -> {trials, position, ended}
//   answer({position, answer, rt_ms, ...}) -> {correct, truth, part_ended}
//   finish(comments), stop() after a part that was not passed -> {completion_url, download}
//   withdraw()     address(name) -> where a file is
// This one sends it to the server that the page came from.
export class ServerStore {
  // waiting: told true while the server does not answer.
  constructor(waiting) {
    this.options = { waiting };
  }

  address(name) {
    return `files/${encodeURIComponent(name)}`;
  }

  study() {
    return get("api/study", this.options);
  }

  async open({ code, source }) {
    const session = await post("api/session", { code, source, simulated: false }, this.options);
    this.token = session.token;
    return session;
  }

  answer(answer) {
    return post("api/answer", { token: this.token, ...answer }, this.options);
  }

  finish(comments) {
    return post("api/finish", { token: this.token, comments }, this.options);
  }

  async stop() {
    return { completion_url: null, download: null }; // the server knows
  }

  withdraw() {
    return post("api/withdraw", { token: this.token }, this.options);
  }
}
