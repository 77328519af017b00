import { element } from "./dom.js";
import { listed, matches } from "./words.js";

const MOST = 60; // matches that are shown; a further letter brings the rest

// A box to type into with a list of matching words below it (the ARIA pattern "combobox with a list popup").
// `changed(word)` with the listed word in the box, or null; `accepted(word)` on Enter when one is there.
export class Combobox {
  constructor(words, { label, changed, accepted }) {
    Object.assign(this, { words, changed, accepted, active: -1, options: [] });
    this.input = element("input.word", {
      id: "word",
      type: "text",
      role: "combobox",
      "aria-label": label,
      "aria-autocomplete": "list",
      "aria-controls": "matches",
      "aria-expanded": "false",
      autocomplete: "off",
      autocapitalize: "none",
      autocorrect: "off",
      spellcheck: "false",
      maxlength: "20",
      placeholder: label,
      input: () => this.refresh(true),
      keydown: (event) => this.onKey(event),
    });
    this.list = element("ul.matches", { id: "matches", role: "listbox", "aria-label": "Matching words" });
    this.told = element("p.told", { role: "status" });
    this.box = element("div.combobox", {}, this.input, this.told, this.list);
  }

  get word() {
    return listed(this.input.value, this.words);
  }

  refresh(open) {
    const found = open ? matches(this.input.value, this.words) : [];
    this.active = -1;
    this.options = found.slice(0, MOST).map((word, index) =>
      element(
        "li",
        {
          id: `match-${index}`,
          role: "option",
          "aria-selected": "false",
          pointerdown: (event) => event.preventDefault(), // the box keeps the focus
          click: () => this.take(word),
        },
        word,
      ),
    );
    this.list.replaceChildren(...this.options);
    this.list.scrollTop = 0;
    this.input.setAttribute("aria-expanded", String(this.options.length > 0));
    this.input.removeAttribute("aria-activedescendant");
    this.told.textContent = open ? this.tell(found.length) : "";
    this.changed(this.word);
  }

  tell(count) {
    if (!this.input.value.trim()) return "";
    if (count === 0) return "No word of the list has these letters.";
    if (count > MOST) return `${count} words match; type another letter.`;
    return count === 1 ? "1 word matches." : `${count} words match.`;
  }

  take(word) {
    this.input.value = word;
    this.refresh(false);
    this.input.focus();
  }

  onKey(event) {
    const count = this.options.length;
    if (event.key === "ArrowDown" && count) this.move((this.active + 1) % count);
    else if (event.key === "ArrowUp" && count) this.move((this.active + count - (this.active < 0 ? 0 : 1)) % count);
    else if (event.key === "Escape") this.refresh(false);
    else if (event.key === "Enter") this.enter();
    else return;
    event.preventDefault();
  }

  move(index) {
    this.options[this.active]?.setAttribute("aria-selected", "false");
    this.active = index;
    const option = this.options[index];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  // Enter takes the marked word, or the only one; a word that is in the box already is accepted.
  enter() {
    const marked = this.options[this.active];
    if (marked) this.take(marked.textContent);
    else if (this.word !== null) this.accepted(this.word);
    else if (this.options.length === 1) this.take(this.options[0].textContent);
  }
}
