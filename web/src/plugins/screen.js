import { ParameterType } from "jspsych";
import { element } from "../dom.js";

// A screen to read: a heading, content, and buttons; ends with the label of the button that was pressed.
export class ScreenPlugin {
  static info = {
    name: "screen",
    version: "1.0.0",
    parameters: {
      heading: { type: ParameterType.STRING, default: "" },
      content: { type: ParameterType.FUNCTION, default: () => [] }, // ({ready, end}) -> elements
      buttons: { type: ParameterType.STRING, array: true, default: ["Continue"] },
      pressed: { type: ParameterType.FUNCTION, default: () => {} }, // within the press; may take time
      wide: { type: ParameterType.BOOL, default: false },
    },
    data: { pressed: { type: ParameterType.STRING } },
  };

  constructor(jsPsych) {
    this.jsPsych = jsPsych;
  }

  trial(display, { heading, content, buttons, pressed, wide }) {
    let over = false;
    const end = async (label) => {
      if (over) return;
      over = true;
      for (const button of made) button.disabled = true;
      await pressed(label);
      display.replaceChildren();
      this.jsPsych.finishTrial({ pressed: label });
    };
    const made = buttons.map((label, index) =>
      element(`button.action${index ? ".quiet" : ""}`, { type: "button", click: () => end(label) }, label),
    );
    const ready = (yes) => {
      made[0].disabled = !yes;
    };
    const title = element("h1", { tabindex: "-1" }, heading);
    display.replaceChildren(
      element(
        `section.card${wide ? ".wide" : ""}`,
        {},
        title,
        ...content({ ready, end }),
        element("div.actions", {}, ...made),
      ),
    );
    title.focus();
    window.scrollTo(0, 0);
  }
}
