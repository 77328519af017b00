// Who takes part, as the address of the page tells.

const SOURCES = [
  ["PROLIFIC_PID", "prolific"],
  ["workerId", "mturk"],
  ["code", "code"],
];
const KEY = "model-metamers-code";

// {code, source, preview}: `preview` where a worker only looks at an assignment. Without a name in the address the
// code is drawn at random and kept by the browser, so that a reload is the same person.
export function personOf(parameters, storage) {
  const preview = parameters.get("assignmentId") === "ASSIGNMENT_ID_NOT_AVAILABLE";
  for (const [name, source] of SOURCES) {
    const code = (parameters.get(name) ?? "").trim();
    if (code) return { code, source, preview };
  }
  return { code: keptCode(storage), source: "none", preview };
}

function keptCode(storage) {
  const kept = storage.getItem(KEY);
  if (kept) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const code = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  storage.setItem(KEY, code);
  return code;
}

// The browser's store, or one that forgets where the browser has none.
export function storageOf(window) {
  try {
    window.localStorage.setItem("model-metamers-test", "1");
    window.localStorage.removeItem("model-metamers-test");
    return window.localStorage;
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}
