import { element } from "./dom.js";
import { iconOf } from "./icons.js";

const ROWS = 4; // of icons, which run column by column, as in the published experiment

// Where an arrow key leads from choice `index` in `count` choices that run down columns of `rows`, or, with
// `across`, along rows of `across`.
export function neighbour(key, index, count, { rows = null, across = null }) {
  const [vertical, horizontal] = rows === null ? [across, 1] : [1, rows];
  const steps = { ArrowUp: -vertical, ArrowDown: vertical, ArrowLeft: -horizontal, ArrowRight: horizontal };
  const step = steps[key];
  if (step === undefined) return null;
  const next = index + step;
  const line = rows ?? across;
  if (Math.abs(step) === 1 && Math.floor(index / line) !== Math.floor(next / line)) return index; // at its end
  return next >= 0 && next < count ? next : index;
}

// The choices as buttons: with icons (layout "icons"), with digits to press ("buttons"), or plain ("numbers").
// `choose(choice, event)` on every press.
export function choiceButtons(choices, layout, choose) {
  const icons = layout === "icons";
  const buttons = choices.map((choice, index) =>
    element(
      `button.choice${icons ? ".icon" : ""}`,
      { type: "button", "data-choice": choice, click: (event) => choose(choice, event) },
      ...(icons ? [iconOf(choice)] : []),
      element("span", {}, choice),
      ...(layout === "buttons" && index < 10 ? [digitOf(index)] : []),
    ),
  );
  const group = element(`div.choices.${layout}`, { role: "group", "aria-label": "Answers" });
  group.append(...buttons);
  return { group, buttons, onKey: (event) => pressKey(event, buttons, icons) };
}

function digitOf(index) {
  return element("kbd", { "aria-hidden": "true" }, String((index + 1) % 10));
}

// Arrows move, Enter and space press (as for every button), and the first ten buttons have digits.
function pressKey(event, buttons, icons) {
  if (document.querySelector("dialog[open]")) return;
  const digit = "1234567890".indexOf(event.key);
  if (!icons && digit >= 0 && digit < buttons.length) {
    buttons[digit].click();
    return;
  }
  const here = buttons.indexOf(document.activeElement);
  const way = icons ? { rows: ROWS } : { across: columnsOf(buttons) };
  const next = neighbour(event.key, Math.max(0, here), buttons.length, way);
  if (next === null) return;
  event.preventDefault();
  buttons[here < 0 ? 0 : next].focus();
}

function columnsOf(buttons) {
  const top = buttons[0].offsetTop;
  const below = buttons.findIndex((button) => button.offsetTop > top);
  return below < 0 ? buttons.length : below;
}
