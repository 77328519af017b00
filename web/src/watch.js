// What happens to the page during a trial: focus, visibility, full screen.

const MOST = 50;

export class Watch {
  constructor(window) {
    this.events = [];
    const { document } = window;
    window.addEventListener("blur", () => this.note("blur"));
    window.addEventListener("focus", () => this.note("focus"));
    document.addEventListener("visibilitychange", () => this.note(document.hidden ? "hidden" : "visible"));
    document.addEventListener("fullscreenchange", () =>
      this.note(document.fullscreenElement ? "entered_full_screen" : "left_full_screen"),
    );
  }

  note(event) {
    if (this.events.length < MOST) this.events.push(event);
  }

  // A trial begins: what happened before it does not count, but that the page was loaded anew does.
  begin() {
    this.events = this.events.filter((event) => event === "reloaded");
  }

  // What happened since.
  take() {
    return this.events.splice(0);
  }
}
