import { initJsPsych } from "jspsych";
import { missing, openedAsFile } from "./browser.js";
import { element, paragraphs } from "./dom.js";
import { Screen } from "./frames.js";
import { loaderOf } from "./loading.js";
import { partOf } from "./parts.js";
import { personOf, storageOf } from "./person.js";
import { Preloader } from "./preloader.js";
import { Refused } from "./requests.js";
import * as screens from "./screens.js";
import { Sound } from "./sound.js";
import { chooseStore } from "./stores/choose.js";
import { ENDED, endedText, PART_NAMES } from "./texts.js";
import { timelineOf } from "./timeline.js";
import { Watch } from "./watch.js";

const display = document.getElementById("display");
let jsPsych; // the timeline that runs now
let over = false; // nothing may be shown any more but the last screen

async function start() {
  if (openedAsFile(window)) return last("Not from here", "Please put this folder on a web server, and open it there.");
  const storage = storageOf(window);
  const { store, parameters } = await chooseStore(window, storage, showWaiting);
  const person = personOf(parameters, storage);
  const study = await store.study();
  document.title = study.title;
  const lacking = missing(window, study);
  if (lacking) return last("This browser does not fit", lacking);
  if (person.preview) {
    return last(study.title, `${study.texts.consent}\n\nThis is a preview. Accept the task to take part.`);
  }
  const agreedKey = `model-metamers-agreed:${study.plan_sha256}:${person.code}`;
  if (storage.getItem(agreedKey) === null) {
    const buttons = ["I agree", "I do not agree"];
    const agreed = await ask(screens.screen(study.title, study.texts.consent ?? "", { buttons }));
    if (agreed !== "I agree") return last(study.title, ENDED.declined);
    storage.setItem(agreedKey, "yes");
  }
  const session = await openSession(store, person);
  if (session.refused) return last("This link cannot be used", `${session.refused}\n\n${ENDED.refused}`);
  if (session.ended) return last(study.title, endedText(session.ended), handOver(session));
  allowWithdrawal(store, study, () => storage.removeItem(agreedKey));
  await takePart(store, study, session, session.position > 0);
}

// {refused: why} where the study does not take the code of the link.
async function openSession(store, person) {
  try {
    return await store.open(person);
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    throw error;
  }
}

async function takePart(store, study, session, returned) {
  const watch = new Watch(window);
  const sound = study.task === "words" ? new Sound() : null;
  const screen = new Screen();
  if (returned) watch.note("reloaded");
  const preloader = new Preloader(session.trials, loaderOf(store, sound));
  await ask(
    screens.fullScreen(returned, async () => {
      sound?.open();
      await enterFullScreen();
      if (session.position < session.trials.length) preloader.warm(session.position);
      await screen.measure();
    }),
  );
  let reply = null;
  const run = {
    ...{ store, study, watch, sound, screen, preloader, trials: session.trials, position: session.position },
    showProgress: (index) => showProgress(session.trials, index),
    partEnded: async (ended) => {
      if (ended) document.getElementById("where").textContent = study.title;
      if (ended?.passed === false) {
        last(study.title, endedText(`failed_${ended.part}`), handOver(await store.stop()));
      }
    },
    finish: async (comments) => {
      reply = await store.finish(comments);
    },
  };
  await runTimeline(timelineOf(run));
  if (!over) thank(study, reply);
}

function runTimeline(timeline) {
  display.replaceChildren(); // jsPsych adds to what is there
  jsPsych = initJsPsych({ display_element: display, use_webaudio: false });
  return jsPsych.run(timeline);
}

// One screen alone; gives the label that was pressed.
async function ask(node) {
  await runTimeline([node]);
  return jsPsych.data.get().last(1).values()[0].pressed;
}

function thank(study, reply) {
  const { completion_url: url } = reply;
  const more = handOver(reply);
  if (url && /^https?:/.test(url)) {
    more.push(element("a.action", { href: url }, "Complete the study"));
    setTimeout(() => window.location.assign(url), 3000);
  }
  last("Thank you", study.texts.thanks ?? ENDED.finished, more);
}

// The answers as a file, where nobody else keeps them.
function handOver({ download }) {
  if (!download) return [];
  const address = URL.createObjectURL(new Blob([download.text], { type: "application/jsonl" }));
  return [
    element("p", {}, "Your answers are in a file. Please save it and send it to the experimenters."),
    element("a.action", { href: address, download: download.name }, "Save my answers"),
  ];
}

// The last screen; nothing follows it.
function last(heading, text, more = []) {
  over = true;
  jsPsych?.abortExperiment("");
  document.getElementById("bar").hidden = true;
  document.body.classList.remove("looking");
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  const show = () =>
    display.replaceChildren(element("section.card", {}, element("h1", {}, heading), ...paragraphs(text), ...more));
  show();
  setTimeout(show, 0); // jsPsych clears its place once it has stopped
}

async function enterFullScreen() {
  try {
    await document.documentElement.requestFullscreen?.({ navigationUI: "hide" });
  } catch {
    // refused by the browser or its owner: the study goes on in the window
  }
}

function showProgress(trials, index) {
  const part = partOf(trials[index]);
  const same = trials.filter((trial) => partOf(trial) === part);
  const done = same.indexOf(trials[index]);
  document.getElementById("bar").hidden = false;
  document.getElementById("where").textContent = `${PART_NAMES[part]}: ${done + 1} of ${same.length}`;
  document.getElementById("progress").value = (index + 1) / trials.length;
}

function showWaiting(waiting) {
  document.getElementById("saving").hidden = !waiting;
}

function allowWithdrawal(store, study, forget) {
  const dialog = document.getElementById("ask");
  document.getElementById("bar").hidden = false;
  document.getElementById("where").textContent = study.title;
  document.getElementById("withdraw").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "yes") return;
    try {
      await store.withdraw();
      forget();
      last(study.title, ENDED.withdrawn);
    } catch (error) {
      fail(error);
    }
  });
}

// What nobody foresaw is told, and a reload goes on.
function fail(error) {
  if (over) return;
  const reload = element("button.action", { type: "button", click: () => window.location.reload() }, "Reload");
  last("Something went wrong", `${error.message ?? error}\n\nYour answers so far are kept. Reload to go on.`, [reload]);
}

window.addEventListener("unhandledrejection", (event) => fail(event.reason));
start().catch(fail);
