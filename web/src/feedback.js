import { element } from "./dom.js";

// Tells, in practice, whether the answer was right, and waits for a press.
export function tell({ correct, truth }, answer, { display, buttons }) {
  for (const button of buttons) {
    button.disabled = true;
    if (button.dataset.choice === truth) button.classList.add("right");
    else if (button.dataset.choice === answer) button.classList.add("wrong");
  }
  const said = { true: "Right.", false: answer === "" ? "Too late." : "Not this one." }[correct];
  const text = correct ? said : `${said} The answer is `;
  return new Promise((resolve) => {
    const next = element("button.action", { type: "button", click: resolve }, "Next");
    const told = element("p", { role: "status" }, text, ...(correct ? [] : [element("strong", {}, truth), "."]));
    display.append(element(`div.feedback.${correct ? "good" : "bad"}`, {}, told, next));
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  });
}
