import assert from "node:assert/strict";
import { test } from "node:test";
import { framePeriod, Phases } from "../src/phases.js";

const RATES = [50, 60, 75, 90, 120, 144, 240];
const ASKED = [300, 200, 200];

// Numbers in [0, 1), the same every time.
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

// Frames as a screen shows them, {at, stamp}: stamps jitter, some frames are missed.
function frames(rate, { jitter = 0, missed = 0, seed = 1, count = 4000 }) {
  const next = random(seed);
  const period = 1000 / rate;
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => index < 2 || next() >= missed)
    .map((index) => ({ index, at: 7 + index * period }))
    .map((frame) => ({ ...frame, stamp: frame.at + (2 * next() - 1) * jitter * period }));
}

// Plays trials one after the other; each gives for how long each phase truly was on the screen, and what was told.
function play(rate, conditions, trials = 20) {
  const all = frames(rate, conditions);
  const period = framePeriod(frames(rate, { ...conditions, seed: 99, count: 90 }).map(({ stamp }) => stamp));
  const played = [];
  let from = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const phases = new Phases(ASKED, period);
    const starts = [all[from].at];
    let first = from;
    let gaps = 0;
    for (let index = from, drawn = 0; !phases.over; index += 1) {
      const now = phases.frame(all[index].stamp);
      if (index > first) gaps += all[index].index - all[index - 1].index - 1;
      if (now !== drawn) starts.push(all[index].at);
      drawn = now;
      from = index + 1;
    }
    const truly = starts.slice(1).map((at, index) => at - starts[index]);
    played.push({ truly, told: phases.shown, missed: phases.missed, gaps });
  }
  return played;
}

for (const rate of RATES) {
  for (const jitter of [0, 0.1, 0.2]) {
    test(`at ${rate} Hz, stamps off by up to ${jitter} of a frame: each phase within half a frame`, () => {
      for (const { truly, told, missed } of play(rate, { jitter })) {
        truly.forEach((ms, phase) => {
          assert.ok(Math.abs(ms - ASKED[phase]) <= 500 / rate + 1e-6, `${ms} instead of ${ASKED[phase]}`);
          assert.ok(Math.abs(told[phase] - ms) <= (2 * jitter * 1000) / rate + 1e-6);
        });
        assert.equal(missed, 0);
      }
    });
  }

  test(`at ${rate} Hz, missed frames are counted, and without one at its end a phase is within half a frame`, () => {
    let seen = 0;
    for (const { truly, missed, gaps } of play(rate, { jitter: 0.1, missed: 0.03 })) {
      assert.equal(missed, gaps);
      seen += gaps;
      const off = truly.map((ms, phase) => Math.abs(ms - ASKED[phase]) * (rate / 1000));
      for (const frames of off) assert.ok(frames <= 0.5 + missed + 1e-6);
      if (missed === 0) assert.ok(Math.max(...off) <= 0.5 + 1e-6);
    }
    assert.ok(seen > 0);
  });

  test(`at ${rate} Hz the frame period is told from stamps that jitter, with frames missed`, () => {
    for (const seed of [1, 2, 3]) {
      const stamps = frames(rate, { jitter: 0.2, missed: 0.05, seed, count: 90 }).map(({ stamp }) => stamp);
      assert.ok(Math.abs(framePeriod(stamps) - 1000 / rate) < 0.006 * (1000 / rate));
    }
  });
}

test("times that are whole frames are met exactly, however odd the screen's clock begins", () => {
  for (const rate of [50, 60, 90, 120, 240]) {
    const { truly } = play(rate, {}, 1)[0];
    truly.forEach((ms, phase) => assert.ok(Math.abs(ms - ASKED[phase]) < 1e-6));
  }
});

test("every phase has a frame, even one of no time", () => {
  const phases = new Phases([0, 1, 0], 1000 / 60);
  const seen = [0, 1, 2, 3].map((index) => phases.frame(index * (1000 / 60)));
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

test("a page that was hidden for seconds ends its phase late, and tells so", () => {
  const phases = new Phases([100, 100], 10);
  const stamps = [0, 10, 20, 3020, 3030];
  stamps.forEach((stamp) => phases.frame(stamp));
  assert.equal(phases.shown[0], 3020);
  assert.equal(phases.missed, 299);
});

test("two stamps tell no period", () => {
  assert.equal(framePeriod([1, 2]), null);
  assert.equal(framePeriod([5, 5, 5]), null);
});
