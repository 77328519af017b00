// Whether the page was opened as a file: browsers let it read nothing then.
export function openedAsFile(window) {
  return window.location.protocol === "file:";
}

// What the study needs of a browser; the sentence to show where something is missing, else null.
export function missing(window, study) {
  const needed = [
    ["fetch", "createImageBitmap", "AbortSignal", "requestAnimationFrame"],
    study.task === "words" ? ["AudioContext"] : [],
  ].flat();
  if (needed.some((name) => !(name in window)) || !("timeout" in (window.AbortSignal ?? {}))) {
    return "This browser is too old for the study. Please open it in a current Chrome, Edge, Firefox or Safari.";
  }
  const side = Math.min(window.screen.width, window.screen.height);
  if (study.image_px !== null && side < study.image_px) {
    return `This screen is too small: the pictures need ${study.image_px} pixels each way. Please use a larger one.`;
  }
  return null;
}
