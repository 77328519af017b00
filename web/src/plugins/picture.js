import { ParameterType } from "jspsych";
import { choiceButtons } from "../choices.js";
import { element } from "../dom.js";
import { Phases } from "../phases.js";

const FIXATION = 262 / 256; // side of the fixation square beside the picture's

// Fixation, picture, mask, then the choices. Data: answer ("" for none in time), rt_ms from the frame in which the
// choices came, the phases' times and the frame period in ms, and how many frames were missed.
export class PicturePlugin {
  static info = {
    name: "picture",
    version: "1.0.0",
    parameters: {
      load: { type: ParameterType.FUNCTION }, // -> promise of {file, mask}
      image_px: { type: ParameterType.INT },
      timing: { type: ParameterType.OBJECT },
      choices: { type: ParameterType.STRING, array: true },
      layout: { type: ParameterType.STRING },
      screen: { type: ParameterType.OBJECT },
      begin: { type: ParameterType.FUNCTION },
      answered: { type: ParameterType.FUNCTION }, // (data, buttons) -> promise; shows feedback
    },
    data: {},
  };

  async trial(display, trial, onLoad) {
    const { file, mask } = await trial.load();
    onLoad();
    trial.begin();
    document.body.classList.add("looking");
    const phases = await show(display, trial, file, mask);
    document.body.classList.remove("looking");
    const { answer, rt_ms, buttons, key } = await choose(display, trial, phases.end);
    const [fixation_ms, image_ms, mask_ms] = phases.shown;
    const data = { answer, rt_ms, fixation_ms, image_ms, mask_ms, frame_ms: phases.period, missed: phases.missed };
    await trial.answered(data, { display, buttons });
    document.removeEventListener("keydown", key);
    display.replaceChildren();
    return data;
  }
}

async function show(display, { image_px, timing, screen }, image, mask) {
  const canvas = canvasOf(image_px);
  display.replaceChildren(element("div.stage", {}, canvas));
  const draw = [
    () => frame(canvas, image_px),
    () => picture(canvas, image_px, image),
    () => picture(canvas, image_px, mask),
    () => wipe(canvas),
  ];
  const phases = new Phases([timing.fixation_ms, timing.image_ms, timing.mask_ms], screen.period);
  const end = await new Promise((resolve) => {
    let drawn = -1;
    const next = (stamp) => {
      const index = phases.frame(stamp);
      if (index !== drawn) draw[index]();
      drawn = index;
      if (phases.over) resolve(stamp);
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const { shown, missed } = phases;
  return { shown, missed, end, period: screen.learn(phases.stamps) };
}

// One canvas that holds the fixation square, in the screen's own pixels.
function canvasOf(side) {
  const whole = Math.ceil(side * FIXATION) + 4;
  const canvas = element("canvas", { role: "img", "aria-label": "The picture appears here" });
  canvas.width = canvas.height = Math.round(whole * devicePixelRatio);
  canvas.style.width = canvas.style.height = `${whole}px`;
  return canvas;
}

function square(canvas, side) {
  const scale = canvas.width / parseFloat(canvas.style.width);
  const width = Math.round(side * scale);
  return [Math.round((canvas.width - width) / 2), width, scale];
}

function wipe(canvas) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

function frame(canvas, side) {
  const [at, width, scale] = square(canvas, side * FIXATION);
  const context = wipe(canvas);
  context.strokeStyle = "#fff";
  context.lineWidth = Math.max(1, Math.round(2 * scale));
  context.strokeRect(at, at, width, width);
}

function picture(canvas, side, image) {
  const [at, width] = square(canvas, side);
  const context = wipe(canvas);
  context.imageSmoothingEnabled = image.width !== width;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, at, at, width, width);
}

// Without a limit the first press answers; with one the last press within it does, and the time is always the same.
function choose(display, { choices, layout, timing }, shownAt) {
  return new Promise((resolve) => {
    let last = { answer: "", rt_ms: null };
    const end = () => resolve({ ...last, buttons: made.buttons, key: made.onKey });
    const made = choiceButtons(choices, layout, (choice, event) => {
      last = { answer: choice, rt_ms: Math.max(0, event.timeStamp - shownAt) };
      for (const button of made.buttons) {
        button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
      }
      if (timing.answer_ms === null) end();
    });
    display.replaceChildren(made.group);
    document.addEventListener("keydown", made.onKey);
    if (timing.answer_ms !== null) setTimeout(end, timing.answer_ms);
  });
}
