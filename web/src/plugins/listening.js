import { ParameterType } from "jspsych";
import { choiceButtons } from "../choices.js";
import { Combobox } from "../combobox.js";
import { element } from "../dom.js";

// A sound that plays once, on a click; then an answer: a word of the list, or one of a few buttons. Data: answer,
// rt_ms from the sound's end.
export class ListeningPlugin {
  static info = {
    name: "listening",
    version: "1.0.0",
    parameters: {
      load: { type: ParameterType.FUNCTION },
      sound: { type: ParameterType.OBJECT },
      heading: { type: ParameterType.STRING },
      choices: { type: ParameterType.STRING, array: true },
      layout: { type: ParameterType.STRING },
      begin: { type: ParameterType.FUNCTION },
      answered: { type: ParameterType.FUNCTION },
    },
    data: {},
  };

  async trial(display, trial, onLoad) {
    const { file } = await trial.load();
    onLoad();
    trial.begin();
    const play = element("button.action.play", { type: "button" }, "Play");
    const ask = trial.layout === "typing" ? wordBox(trial.choices) : fewButtons(trial.choices);
    const heading = element("h1", {}, trial.heading);
    display.replaceChildren(element("section.card", {}, heading, element("div.actions", {}, play), ask.place));
    play.focus();
    const begun = await new Promise((resolve) => {
      const start = () => resolve({ ended: trial.sound.play(file) }); // within the click, or Safari stays silent
      play.addEventListener("click", start, { once: true });
    });
    play.disabled = true;
    play.textContent = "Listen …";
    await begun.ended;
    play.textContent = "Played";
    const shownAt = performance.now();
    const { answer, at } = await ask.open();
    const none = { fixation_ms: null, image_ms: null, mask_ms: null, frame_ms: null, missed: 0 };
    const data = { answer, rt_ms: Math.max(0, at - shownAt), ...none };
    await trial.answered(data, { display: ask.place, buttons: ask.buttons });
    display.replaceChildren();
    return data;
  }
}

// Both kinds of answer are seen from the start and can be given from `open` on: a promise of {answer, at}.

function wordBox(words) {
  const submit = element("button.action", { type: "submit", disabled: true }, "Next");
  let give; // once open
  const answer = (word, at = performance.now()) => {
    box.refresh(false);
    box.input.disabled = true;
    submit.hidden = true;
    give({ answer: word, at });
  };
  const box = new Combobox(words, {
    label: "Type the word",
    changed: (word) => {
      submit.disabled = word === null;
    },
    accepted: (word) => answer(word),
  });
  const send = (event) => {
    event.preventDefault();
    if (box.word !== null && !box.input.disabled) answer(box.word, event.timeStamp);
  };
  const form = element("form", { submit: send, autocomplete: "off" }, box.box, submit);
  const place = element("div.answer.typing", {}, form);
  box.input.disabled = true;
  const open = () => {
    box.input.disabled = false;
    box.input.focus();
    return new Promise((resolve) => {
      give = resolve;
    });
  };
  return { place, buttons: [], open };
}

function fewButtons(choices) {
  let give;
  const made = choiceButtons(choices, "numbers", (answer, event) => {
    document.removeEventListener("keydown", made.onKey);
    for (const button of made.buttons) button.disabled = true;
    give({ answer, at: event.timeStamp });
  });
  for (const button of made.buttons) button.disabled = true;
  const open = () => {
    for (const button of made.buttons) button.disabled = false;
    document.addEventListener("keydown", made.onKey);
    return new Promise((resolve) => {
      give = resolve;
    });
  };
  return { place: element("div.answer", {}, made.group), buttons: made.buttons, open };
}
