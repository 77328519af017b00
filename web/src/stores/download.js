// Keeps a person's lines in the browser, and gives them as a file at the end.
export class DownloadPlace {
  constructor(storage) {
    this.storage = storage;
  }

  async read(key) {
    this.key = `model-metamers-answers:${key}`;
    this.kept = JSON.parse(this.storage.getItem(this.key) ?? "null") ?? { lines: [], progress: null };
    return this.kept.progress;
  }

  async write(line, progress) {
    this.kept = { lines: [...this.kept.lines, line], progress };
    this.storage.setItem(this.key, JSON.stringify(this.kept));
  }

  async finish(line, progress) {
    await this.write(line, progress);
    return { completion_url: null, download: this.file() };
  }

  file() {
    const text = this.kept.lines.map((kept) => `${JSON.stringify(kept)}\n`).join("");
    const started = this.kept.lines[0].started.replace(/\D+/g, "-");
    return { name: `answers-${started}.jsonl`, text };
  }

  async withdraw() {
    this.storage.removeItem(this.key);
  }
}
