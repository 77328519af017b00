// When a picture's phases end. A screen shows whole frames only: each phase ends at the frame nearest to the time
// asked. Stamps are those of requestAnimationFrame, in milliseconds; they may jitter by less than a quarter of a
// frame, and frames may be missed.

// The frame period that stamps tell, in ms; null for fewer than three.
export function framePeriod(stamps) {
  if (stamps.length < 3) return null;
  const steps = stamps.slice(1).map((stamp, index) => stamp - stamps[index]);
  const median = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  if (!(median > 0)) return null;
  const frames = steps.reduce((sum, step) => sum + Math.round(step / median), 0);
  return (stamps[stamps.length - 1] - stamps[0]) / frames;
}

// For how many frames a phase is shown: at least one.
export function framesFor(askedMs, period) {
  return Math.max(1, Math.round(askedMs / period));
}

// Goes through phases of `asked` milliseconds, frame by frame.
export class Phases {
  constructor(asked, period) {
    this.asked = asked;
    this.period = period;
    this.index = 0; // of the phase on the screen; asked.length when all are over
    this.shown = []; // for how long each was on the screen, in ms
    this.stamps = [];
  }

  // Takes a frame's stamp; gives the phase that is to be drawn now.
  frame(stamp) {
    if (this.stamps.length === 0) this.start = stamp;
    this.stamps.push(stamp);
    const frames = Math.round((stamp - this.start) / this.period);
    if (!this.over && frames >= framesFor(this.asked[this.index], this.period)) {
      this.shown.push(stamp - this.start);
      this.start = stamp;
      this.index += 1;
    }
    return this.index;
  }

  get over() {
    return this.index === this.asked.length;
  }

  // How many frames were missed.
  get missed() {
    return this.stamps
      .slice(1)
      .map((stamp, index) => Math.round((stamp - this.stamps[index]) / this.period) - 1)
      .reduce((sum, missed) => sum + Math.max(0, missed), 0);
  }
}
