// Files of the study, fetched and decoded.

const TIMEOUT_MS = 30000;

// name -> promise of an ImageBitmap, or of an AudioBuffer for a study of sounds.
export function loaderOf(store, sound) {
  return async (name) => {
    const answer = await fetch(store.address(name), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`A file of the study did not come (${answer.status}).`);
    if (sound) return sound.decode(await answer.arrayBuffer());
    return createImageBitmap(await answer.blob());
  };
}
