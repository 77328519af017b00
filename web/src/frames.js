import { framePeriod } from "./phases.js";

// Stamps of so many frames in a row.
export function watchFrames(count) {
  return new Promise((resolve) => {
    const stamps = [];
    const next = (stamp) => {
      stamps.push(stamp);
      if (stamps.length < count) requestAnimationFrame(next);
      else resolve(stamps);
    };
    requestAnimationFrame(next);
  });
}

// The screen's frame period: measured once, so that all trials are shown alike, and anew only where a trial
// shows that the screen is another one.
export class Screen {
  constructor() {
    this.period = null;
  }

  async measure() {
    this.period ??= framePeriod(await watchFrames(90));
  }

  // The period that a trial's stamps tell; from 5 % off it counts from the next trial on.
  learn(stamps) {
    const period = framePeriod(stamps) ?? this.period;
    if (Math.abs(period - this.period) > 0.05 * this.period) this.period = period;
    return period;
  }
}
