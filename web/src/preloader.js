// Fetches what the next trials show before they begin: `ahead` trials, `atOnce` files at a time.

export class Preloader {
  // trials: each {file, mask}; load: name -> promise of the decoded file.
  constructor(trials, load, { ahead = 8, atOnce = 4, attempts = 5, wait = pause } = {}) {
    Object.assign(this, { trials, load, ahead, atOnce, attempts, wait });
    this.kept = new Map(); // name -> promise
    this.waiting = [];
    this.running = 0;
  }

  // What the trial at `index` of `trials` shows: {file, mask}; begins to fetch those after it.
  async get(index) {
    const names = this.trials.slice(index, index + this.ahead).flatMap(filesOf);
    this.forget(new Set(names));
    for (const name of names) this.want(name);
    const [file, mask] = await Promise.all(filesOf(this.trials[index]).map((name) => this.want(name)));
    return { file, mask };
  }

  // Begins to fetch without waiting.
  warm(index) {
    this.get(index).catch(() => {}); // told when the trial itself needs it
  }

  want(name) {
    if (!this.kept.has(name)) {
      const promise = new Promise((resolve, reject) => this.waiting.push({ name, resolve, reject }));
      promise.catch(() => this.kept.delete(name)); // a later trial may try again
      this.kept.set(name, promise);
      this.next();
    }
    return this.kept.get(name);
  }

  next() {
    if (this.running === this.atOnce || this.waiting.length === 0) return;
    const { name, resolve, reject } = this.waiting.shift();
    this.running += 1;
    this.tryLoad(name)
      .then(resolve, reject)
      .finally(() => {
        this.running -= 1;
        this.next();
      });
  }

  async tryLoad(name) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.load(name);
      } catch (error) {
        if (attempt >= this.attempts) throw error;
        await this.wait(250 * 2 ** attempt);
      }
    }
  }

  forget(needed) {
    for (const name of this.kept.keys()) if (!needed.has(name)) this.kept.delete(name);
    this.waiting = this.waiting.filter(({ name }) => needed.has(name));
  }
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function filesOf({ file, mask }) {
  return mask === null ? [file] : [file, mask];
}
