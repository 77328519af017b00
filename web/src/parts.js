// The part that a trial counts towards: catch trials stand among the main ones.
export function partOf(trial) {
  return trial.part === "catch" ? "main" : trial.part;
}

// The screens that come before the trial at `index` of `trials`: the part's, the instructions, a break.
export function before(trials, index, breaks) {
  const part = partOf(trials[index]);
  const first = index === 0 || partOf(trials[index - 1]) !== part;
  const told = trials.slice(0, index).some((trial) => partOf(trial) !== "headphones");
  const done = trials.slice(0, index).filter((trial) => partOf(trial) === "main").length;
  return {
    instructions: part !== "headphones" && !told,
    part: first ? part : null,
    rest: part === "main" && breaks.includes(done) ? done : null,
  };
}
