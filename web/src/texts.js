// What the page says beside the study's own texts.

// What a label means where the word alone could mislead.
export const MEANINGS = {
  oven: "anything that cooks food",
  bottle: "of any shape",
  keyboard: "of a computer",
  boat: "of any size",
  truck: "of any kind",
  bird: "of any kind",
};

export const PART_NAMES = {
  headphones: "Headphones",
  practice: "Practice",
  demonstration: "Trial run",
  main: "Main part",
};

export function introduction(part, count, study) {
  const what = study.task === "images" ? "pictures" : "sounds";
  const mark = study.pass_marks[part];
  const needed = mark === undefined ? "" : ` To go on you need ${mark} of ${count} right.`;
  return {
    headphones:
      `Now we check that you wear headphones. You hear three tones, one after the other, ${count} times. ` +
      `Say each time which of the three is the quietest.${needed}\n\nEach plays once only.`,
    practice: `You begin with ${count} ${what} for practice. After each you are told the right answer.`,
    demonstration:
      `Next come ${count} ${what} without being told whether you are right. ` +
      `Some are strange: answer what comes closest.${needed}`,
    main:
      `The main part has ${count} ${what}. Many are hard to make out. ` +
      "Always answer, and take your best guess when you are not sure.",
  }[part];
}

export function howTo(study) {
  if (study.layout === "typing") {
    return (
      "Press Play; each sound plays once. Then type some letters of the word that you heard and pick it from the " +
      "matching words. Only words of the list below can be answered."
    );
  }
  const look =
    "Look at the white square. A picture appears in it for a moment, then a noisy pattern, and then the answers.";
  const keys =
    study.layout === "icons"
      ? "Click or touch one, or move with the arrow keys and press Enter."
      : "Click or touch one, or press its digit, or move with the arrow keys and press Enter.";
  const limit =
    study.timing.answer_ms === null
      ? "Take the time you need to answer."
      : `You have ${study.timing.answer_ms / 1000} seconds to answer; until then you can change your answer.`;
  return `${look}\n\n${keys} ${limit}`;
}

export const ENDED = {
  finished: "You have finished this study. Thank you. You can close this page.",
  failed_headphones:
    "Too many of the headphone trials were wrong, so the study ends here. Thank you for your time. " +
    "You can close this page.",
  failed_demonstration:
    "Too many of these trials were wrong, so the study ends here. Thank you for your time. You can close this page.",
  given_up: "You were away for too long, and your place went to somebody else. Thank you for your time.",
  refused: "Please use the link that you were given, or tell the experimenters.",
  declined: "You did not agree to take part. Nothing was stored. You can close this page.",
  withdrawn: "Everything that you answered was deleted. Thank you for your time. You can close this page.",
};

// Why a session is over.
export function endedText(ended) {
  return ENDED[ended] ?? ENDED.failed_demonstration;
}
