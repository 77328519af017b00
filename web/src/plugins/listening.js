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
    const place = element("div.answer");
    const play = element("button.action.play", { type: "button" }, "Play");
    const heading = element("h1", {}, trial.heading);
    display.replaceChildren(element("section.card", {}, heading, element("div.actions", {}, play), place));
    play.focus();
    const begun = await new Promise((resolve) => {
      const start = () => resolve({ ended: trial.sound.play(file) }); // within the click, or Safari stays silent
      play.addEventListener("click", start, { once: true });
    });
    play.disabled = true;
    play.textContent = "Listen …";
    await begun.ended;
    play.textContent = "Played";
    const ask = trial.layout === "typing" ? askWord : askButton;
    const { answer, at, shownAt, buttons } = await ask(place, trial.choices);
    const none = { fixation_ms: null, image_ms: null, mask_ms: null, frame_ms: null, missed: 0 };
    const data = { answer, rt_ms: at - shownAt, ...none };
    await trial.answered(data, { display: place, buttons });
    display.replaceChildren();
    return data;
  }
}

function askWord(place, words) {
  return new Promise((resolve) => {
    const shownAt = performance.now();
    const submit = element("button.action", { type: "submit", disabled: true }, "Next");
    const answer = (word, event) => {
      box.input.disabled = submit.disabled = true;
      resolve({ answer: word, at: event?.timeStamp ?? performance.now(), shownAt, buttons: [] });
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
      if (box.word !== null) answer(box.word, event);
    };
    place.replaceChildren(element("form", { submit: send, autocomplete: "off" }, box.box, submit));
    box.input.focus();
  });
}

function askButton(place, choices) {
  return new Promise((resolve) => {
    const shownAt = performance.now();
    const made = choiceButtons(choices, "numbers", (answer, event) => {
      document.removeEventListener("keydown", made.onKey);
      for (const button of made.buttons) button.disabled = true;
      resolve({ answer, at: event.timeStamp, shownAt, buttons: made.buttons });
    });
    document.addEventListener("keydown", made.onKey);
    place.replaceChildren(made.group);
  });
}
