import { tell } from "./feedback.js";
import { before, partOf } from "./parts.js";
import { ListeningPlugin } from "./plugins/listening.js";
import { PicturePlugin } from "./plugins/picture.js";
import * as screens from "./screens.js";

// jsPsych's timeline from the next unanswered trial on.
export function timelineOf(run) {
  const { study, trials, position } = run;
  const nodes = trials.slice(position).flatMap((trial, offset) => {
    const index = position + offset;
    return [...screensBefore(run, index), trialNode(run, trial, index)];
  });
  return [...nodes, screens.comments(run.finish)];
}

function screensBefore({ study, trials, sound }, index) {
  const due = before(trials, index, study.breaks);
  const count = (part) => trials.filter((trial) => partOf(trial) === part).length;
  return [
    ...(sound && index === 0 ? [screens.volume(sound)] : []),
    ...(due.instructions ? [screens.instructions(study)] : []),
    ...(due.part ? [screens.partIntroduction(due.part, count(due.part), study)] : []),
    ...(due.rest ? [screens.rest(due.rest, count("main"))] : []),
  ];
}

function trialNode(run, trial, index) {
  const { study, sound, screen, preloader, watch } = run;
  const headphones = trial.part === "headphones";
  const shared = {
    load: () => preloader.get(index),
    begin: () => {
      run.showProgress(index);
      watch.begin();
    },
    answered: async ({ missed, ...shown }, place) => {
      const events = [...watch.take(), ...(missed ? [`dropped_frames:${missed}`] : [])];
      const reply = await run.store.answer({ position: trial.position, ...rounded(shown), events });
      if (trial.part === "practice") await tell(reply, shown.answer, place);
      await run.partEnded(reply.part_ended);
    },
  };
  if (study.task === "images") {
    const { image_px, timing, choices, layout } = study;
    return { type: PicturePlugin, ...shared, image_px, timing, choices, layout, screen };
  }
  const asked = headphones
    ? { heading: "Which of the three tones is the quietest?", choices: ["1", "2", "3"], layout: "numbers" }
    : { heading: "Listen, then answer", choices: study.choices, layout: study.layout };
  return { type: ListeningPlugin, ...shared, ...asked, sound };
}

// Times to a hundredth of a millisecond.
function rounded(shown) {
  const near = (value) => (typeof value === "number" ? Math.round(value * 100) / 100 : value);
  return Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, near(value)]));
}
