import { element, paragraphs } from "./dom.js";
import { iconOf } from "./icons.js";
import { ScreenPlugin } from "./plugins/screen.js";
import { howTo, introduction, MEANINGS, PART_NAMES } from "./texts.js";

// Screens between the trials, each a node of jsPsych's timeline.

export function screen(heading, text, more = {}) {
  return { type: ScreenPlugin, heading, content: () => paragraphs(text), ...more };
}

export function instructions(study) {
  const content = () => [
    ...paragraphs(study.texts.instructions ?? ""),
    ...paragraphs(howTo(study)),
    study.layout === "typing" ? wordList(study.choices) : labels(study),
  ];
  return { type: ScreenPlugin, heading: "What you do", content, wide: true };
}

function labels({ choices, layout }) {
  const items = choices.map((choice) =>
    element(
      "li",
      {},
      ...(layout === "icons" ? [iconOf(choice)] : []),
      element("span", {}, choice, ...(MEANINGS[choice] ? [element("small", {}, MEANINGS[choice])] : [])),
    ),
  );
  return element(`ul.labels.${layout}`, { "aria-label": "The answers" }, ...items);
}

function wordList(words) {
  const sorted = [...words].sort((a, b) => a.localeCompare(b, "en"));
  const items = sorted.map((word) => element("li", {}, word));
  const list = element("ul.wordlist", {}, ...items);
  return element("div.scroll", { tabindex: "0", role: "region", "aria-label": "All words" }, list);
}

export function partIntroduction(part, count, study) {
  return screen(PART_NAMES[part], introduction(part, count, study), { buttons: ["Begin"] });
}

// Asks to go into full screen; browsers that cannot go on without.
export function fullScreen(again, pressed) {
  const text = again
    ? "You go on where you left off. Your answers so far are kept."
    : "The study fills your whole screen. Please close other programs, and stay on this page until the end. " +
      "Should you have to reload the page, you go on where you were.";
  const heading = again ? "Welcome back" : "Before you begin";
  return screen(heading, text, { buttons: ["Go full screen and continue"], pressed });
}

export function volume(sound) {
  const content = ({ ready }) => {
    ready(false);
    const play = element("button.action.quiet", { type: "button" }, "Play the noise");
    play.addEventListener("click", async () => {
      play.disabled = true;
      await sound.play(sound.calibration());
      play.disabled = false;
      ready(true);
    });
    const text =
      "Please put on headphones now. Set the volume of your computer to about a quarter, play the noise, and turn it " +
      "up until it is loud but pleasant. You can play it as often as you like. Then leave the volume as it is.";
    return [...paragraphs(text), element("div.actions", {}, play)];
  };
  return { type: ScreenPlugin, heading: "Volume", content };
}

export function rest(done, all) {
  return screen("A break", `${done} of ${all} done. Rest for as long as you like.`);
}

export function comments(finish) {
  const box = element("textarea", { id: "comments", rows: "5", maxlength: "2000" });
  const label = element("label", { for: "comments" }, "Was anything unclear or out of order? (optional)");
  const content = () => [label, box];
  const pressed = () => finish(plain(box.value));
  return { type: ScreenPlugin, heading: "Almost done", content, buttons: ["Finish"], pressed };
}

// Without letters that no table of text can hold.
function plain(text) {
  return text.replace(/[^\P{Cc}\n\t]/gu, " ");
}
