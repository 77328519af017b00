import { partOf } from "../parts.js";
import { get } from "../requests.js";

// The store without a server of its own: the page itself takes a list and tells what was right in the parts
// before the main one. Where lines and progress are kept is the `place`:
//   read() -> progress or null    write(line, progress)    finish(line, progress) -> {completion_url, download}
//   file() -> the download again     withdraw()
export class LocalStore {
  constructor(place, parameters, now = () => new Date().toISOString(), ask = get) {
    Object.assign(this, { place, parameters, now, ask });
  }

  address(name) {
    return `files/${encodeURIComponent(name)}`;
  }

  async study() {
    [this.about, this.lists, this.known] = await Promise.all(
      ["study.json", "lists.json", "known.json"].map((name) => this.ask(name)),
    );
    return this.about;
  }

  async open({ code, source }) {
    this.progress = await this.place.read(`${this.about.plan_sha256}:${code}`);
    if (!this.progress) {
      const list = listOf(this.parameters.get("list"), this.lists.length);
      this.progress = { code, source, list, started: this.now(), position: 0, right: {}, ended: null };
      const { started } = this.progress;
      const { plan_sha256 } = this.about;
      await this.place.write({ kind: "session", code, source, list, started, plan_sha256 }, this.progress);
    }
    const { position, ended, list } = this.progress;
    return { trials: this.lists[list], position, ended, download: ended ? this.place.file() : null };
  }

  async answer(answer) {
    const trials = this.lists[this.progress.list];
    const trial = trials[this.progress.position];
    if (answer.position !== trial.position) throw new Error("An answer came out of order.");
    const truth = this.known[trial.file] ?? null;
    const reply = replyTo(trial, answer.answer, truth, trials, this.progress, this.about.pass_marks);
    const line = { kind: "answer", part: trial.part, file: trial.file, ...answer, received: this.now() };
    await this.place.write(line, reply.progress);
    this.progress = reply.progress;
    return reply;
  }

  finish(comments) {
    this.progress = { ...this.progress, ended: this.progress.ended ?? "finished" };
    return this.place.finish({ kind: "end", comments, finished: this.now() }, this.progress);
  }

  stop() {
    return this.finish("");
  }

  withdraw() {
    return this.place.withdraw();
  }
}

// What an answer brings: whether it is right, whether its part has ended and was passed, and the progress after it.
export function replyTo(trial, answer, truth, trials, progress, passMarks) {
  const part = partOf(trial);
  const right = { ...progress.right, [part]: (progress.right[part] ?? 0) + (truth === answer ? 1 : 0) };
  const position = progress.position + 1;
  const ends = !trials.slice(position).some((later) => partOf(later) === part);
  const mark = passMarks[part];
  const passed = mark === undefined ? null : right[part] >= mark;
  const ended = ends && passed === false ? `failed_${part}` : progress.ended;
  return {
    position,
    correct: part === "practice" ? truth === answer : null,
    truth: part === "practice" ? truth : null,
    part_ended: ends ? { part, right: mark === undefined ? null : right[part], passed } : null,
    progress: { ...progress, right, position, ended },
  };
}

// The list that the address asks for, or one at random.
function listOf(asked, count) {
  const list = Number(asked);
  if (asked !== null && Number.isInteger(list) && list >= 0 && list < count) return list;
  return Math.floor(Math.random() * count);
}
