import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, openedAsFile } from "../src/browser.js";
import { neighbour } from "../src/choices.js";
import { before } from "../src/parts.js";
import { personOf } from "../src/person.js";
import { Preloader } from "../src/preloader.js";
import { get, post, Refused } from "../src/requests.js";
import { pinkNoise } from "../src/sound.js";
import { LocalStore, replyTo } from "../src/stores/local.js";
import { listed, matches } from "../src/words.js";

const later = () => new Promise((resolve) => setImmediate(resolve));
const settle = async () => {
  for (let turn = 0; turn < 50; turn += 1) await later();
};

function trials(count, mask = "mask") {
  return Array.from({ length: count }, (_, index) => ({ file: `file${index}`, mask }));
}

// A loader whose files come when told to, and that counts.
function slowLoader() {
  const asked = [];
  const open = new Map();
  const load = (name) => {
    asked.push(name);
    return new Promise((resolve, reject) => open.set(name, { resolve: () => resolve(`<${name}>`), reject }));
  };
  const come = () => {
    const names = [...open.keys()];
    for (const name of names) open.get(name).resolve();
    open.clear();
    return names;
  };
  return { asked, open, load, come };
}

test("four files are fetched at once, eight trials ahead, each once", async () => {
  const { asked, open, load, come } = slowLoader();
  const preloader = new Preloader(trials(30), load);
  const first = preloader.get(0);
  await settle();
  assert.deepEqual([...open.keys()], ["file0", "mask", "file1", "file2"]);
  while (open.size) {
    assert.ok(open.size <= 4);
    come();
    await settle();
  }
  assert.deepEqual(await first, { file: "<file0>", mask: "<mask>" });
  assert.equal(asked.length, 9); // eight pictures and the mask that they share
  await preloader.get(1);
  await settle();
  assert.deepEqual(asked.slice(9), ["file8"]);
  assert.equal(new Set(asked).size, asked.length);
});

test("what was shown is forgotten, and what is not needed any more is not fetched", async () => {
  const { asked, load, come, open } = slowLoader();
  const preloader = new Preloader(trials(30, null), load);
  preloader.warm(0);
  await settle();
  const jump = preloader.get(20); // after a reload of the list's end
  for (let turn = 0; turn < 6; turn += 1) {
    come();
    await settle();
  }
  assert.equal((await jump).file, "<file20>");
  assert.equal((await jump).mask, undefined);
  assert.ok(!asked.includes("file5"));
  assert.ok(![...preloader.kept.keys()].includes("file0"));
  assert.equal(open.size, 0);
});

test("a file that fails is tried again, later each time, and in the end told", async () => {
  const waits = [];
  const wait = async (ms) => waits.push(ms);
  let fails = 3;
  const load = async (name) => {
    if (fails-- > 0) throw new Error("away");
    return name;
  };
  const preloader = new Preloader(trials(1, null), load, { wait });
  assert.equal((await preloader.get(0)).file, "file0");
  assert.deepEqual(waits, [500, 1000, 2000]);
  fails = 1000;
  await assert.rejects(new Preloader(trials(1, null), load, { wait, attempts: 2 }).get(0), /away/);
});

function answers(...list) {
  const sent = [];
  const send = async (url, options) => {
    sent.push([url, options]);
    const next = list.shift();
    if (next instanceof Error) throw next;
    const [status, body] = next;
    return { ok: status < 400, status, json: async () => body };
  };
  return { send, sent };
}

test("what the server did not take in is sent again, the same bytes, until it has", async () => {
  const { send, sent } = answers(new TypeError("offline"), [503, {}], [429, {}], [200, { position: 1 }]);
  const told = [];
  const options = { send, wait: async () => {}, waiting: (on) => told.push(on) };
  const reply = await post("api/answer", { position: 0 }, options);
  assert.deepEqual(reply, { position: 1 });
  assert.equal(new Set(sent.map(([, options]) => options.body)).size, 1);
  assert.deepEqual(told, [true, true, true, false]);
});

for (const status of [400, 401, 403, 409, 413]) {
  test(`what the server refuses with ${status} is not sent again`, async () => {
    const { send, sent } = answers([status, { error: "no" }]);
    await assert.rejects(get("api/study", { send }), (error) => error instanceof Refused && error.message === "no");
    assert.equal(sent.length, 1);
  });
}

test("a browser that lacks something, or a screen too small for the pictures, is told of", () => {
  const needed = { fetch: 1, createImageBitmap: 1, requestAnimationFrame: 1, AudioContext: 1 };
  const window = { ...needed, AbortSignal: { timeout: 1 }, screen: { width: 390, height: 844 } };
  const pictures = { task: "images", image_px: 256 };
  const words = { task: "words", image_px: null };
  assert.equal(missing(window, pictures), null);
  assert.equal(missing(window, words), null);
  assert.match(missing(window, { ...pictures, image_px: 400 }), /400 pixels/);
  for (const name of Object.keys(needed)) {
    const { [name]: _, ...older } = window;
    assert.match(missing(older, words), /too old/);
  }
  assert.match(missing({ ...window, AbortSignal: {} }, words), /too old/);
  assert.equal(openedAsFile({ location: { protocol: "file:" } }), true);
  assert.equal(openedAsFile({ location: { protocol: "https:" } }), false);
});

function memory() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

test("a person is who the address names, else a code of the browser's own that stays", () => {
  const of = (query, storage = memory()) => personOf(new URLSearchParams(query), storage);
  assert.deepEqual(of("PROLIFIC_PID=p1&STUDY_ID=s&SESSION_ID=t"), { code: "p1", source: "prolific", preview: false });
  assert.deepEqual(of("workerId=w&assignmentId=a&hitId=h"), { code: "w", source: "mturk", preview: false });
  assert.equal(of("assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=h").preview, true);
  assert.deepEqual(of("code=lab-07"), { code: "lab-07", source: "code", preview: false });
  const storage = memory();
  const drawn = of("code=%20", storage);
  assert.match(drawn.code, /^[0-9a-f]{32}$/);
  assert.deepEqual(of("", storage), drawn);
  assert.notEqual(of("").code, drawn.code);
});

const WORDS = ["nation", "nation's", "can't", "international", "at"];

test("matches hold the letters typed, those that begin with them first", () => {
  assert.deepEqual(matches("nat", WORDS), ["nation", "nation's", "international"]);
  assert.deepEqual(matches("AT", WORDS), ["at", "nation", "nation's", "international"]);
  assert.deepEqual(matches("n\u2019t", WORDS), ["can't"]);
  assert.deepEqual(matches("  ", WORDS), []);
  assert.deepEqual(matches("xyz", WORDS), []);
});

test("only a word of the list is one", () => {
  assert.equal(listed(" Nation\u2019s ", WORDS), "nation's");
  for (const text of ["natio", "nations", "", "nation s"]) assert.equal(listed(text, WORDS), null);
});

test("arrows move among sixteen icons that run down columns of four", () => {
  const columns = { rows: 4 };
  assert.equal(neighbour("ArrowDown", 0, 16, columns), 1);
  assert.equal(neighbour("ArrowRight", 0, 16, columns), 4);
  assert.equal(neighbour("ArrowUp", 4, 16, columns), 4);
  assert.equal(neighbour("ArrowDown", 3, 16, columns), 3);
  assert.equal(neighbour("ArrowLeft", 2, 16, columns), 2);
  assert.equal(neighbour("ArrowRight", 13, 16, columns), 13);
  assert.equal(neighbour("a", 0, 16, columns), null);
});

test("arrows move among buttons that run along rows", () => {
  const along = { across: 5 };
  assert.equal(neighbour("ArrowRight", 1, 10, along), 2);
  assert.equal(neighbour("ArrowRight", 4, 10, along), 4);
  assert.equal(neighbour("ArrowDown", 1, 10, along), 6);
  assert.equal(neighbour("ArrowDown", 6, 10, along), 6);
  assert.equal(neighbour("ArrowLeft", 5, 10, along), 5);
});

test("each part is introduced, instructions come once, breaks when they are due", () => {
  const list = ["headphones", "headphones", "practice", "main", "catch", "main", "main"].map((part) => ({ part }));
  const due = list.map((_, index) => before(list, index, [2]));
  assert.deepEqual(due.map(({ instructions }) => instructions), [false, false, true, false, false, false, false]);
  assert.deepEqual(due.map(({ part }) => part), ["headphones", null, "practice", "main", null, null, null]);
  assert.deepEqual(due.map(({ rest }) => rest), [null, null, null, null, null, 2, null]);
});

test("the noise to set the volume by has the level asked for, and less power the higher the octave", () => {
  const noise = pinkNoise(1 << 15, 0.1);
  const power = (samples) => samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  assert.ok(Math.abs(Math.sqrt(power(noise)) - 0.1) < 1e-4);
  const steps = noise.map((value, index) => (index ? value - noise[index - 1] : 0));
  assert.ok(power(steps) < power(noise)); // of white noise it is twice as much
});

const LIST = ["practice", "demonstration", "demonstration", "main", "catch"].map((part, position) => ({
  ...{ position, part, file: `f${position}`, mask: null },
}));
const BEGUN = { list: 0, position: 0, right: {}, ended: null };

test("without a server, practice is told of and the demonstration needs its mark", () => {
  const marks = { demonstration: 2 };
  const practice = replyTo(LIST[0], "cat", "dog", LIST, BEGUN, marks);
  assert.deepEqual([practice.correct, practice.truth, practice.position], [false, "dog", 1]);
  assert.deepEqual(practice.part_ended, { part: "practice", right: null, passed: null });
  const one = replyTo(LIST[1], "cat", "cat", LIST, practice.progress, marks);
  assert.deepEqual([one.correct, one.truth, one.part_ended], [null, null, null]);
  const passed = replyTo(LIST[2], "cat", "cat", LIST, one.progress, marks);
  assert.deepEqual(passed.part_ended, { part: "demonstration", right: 2, passed: true });
  const failed = replyTo(LIST[2], "cat", "dog", LIST, one.progress, marks);
  assert.equal(failed.progress.ended, "failed_demonstration");
  const main = replyTo(LIST[3], "cat", null, LIST, passed.progress, marks);
  assert.deepEqual([main.correct, main.truth, main.part_ended], [null, null, null]);
  const last = replyTo(LIST[4], "cat", null, LIST, main.progress, marks);
  assert.deepEqual(last.part_ended, { part: "main", right: null, passed: null });
});

test("without a server, a person who comes back goes on in the same list", async () => {
  const files = {
    "study.json": { plan_sha256: "p", pass_marks: {} },
    "lists.json": [LIST, LIST, LIST],
    "known.json": { f0: "dog" },
  };
  const kept = { lines: [], progress: null };
  const place = {
    read: async () => kept.progress,
    write: async (line, progress) => {
      kept.lines.push(line);
      kept.progress = progress;
    },
    finish: async () => ({ completion_url: null, download: null }),
  };
  const open = async (query) => {
    const store = new LocalStore(place, new URLSearchParams(query), () => "now", async (name) => files[name]);
    await store.study();
    return [store, await store.open({ code: "c", source: "code" })];
  };
  const [store, first] = await open("list=1");
  assert.equal(first.position, 0);
  await store.answer({ position: 0, answer: "dog" });
  await assert.rejects(store.answer({ position: 0, answer: "cat" }), /out of order/);
  const [, second] = await open("list=2");
  assert.equal(second.position, 1);
  assert.equal(kept.progress.list, 1);
  assert.deepEqual(kept.lines.map(({ kind }) => kind), ["session", "answer"]);
});
