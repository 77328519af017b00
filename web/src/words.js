// What a person types, against the list of words.

// As the list writes: lower case, plain apostrophes, no blanks around.
export function typed(text) {
  return text.toLowerCase().replace(/[\u2018\u2019\u02bc\u00b4`]/g, "'").trim();
}

// The words that hold the text, those that begin with it first; none for an empty text.
export function matches(text, words) {
  const part = typed(text);
  if (!part) return [];
  const holding = words.filter((word) => word.toLowerCase().includes(part));
  const begins = holding.filter((word) => word.toLowerCase().startsWith(part));
  return [...begins, ...holding.filter((word) => !begins.includes(word))];
}

// The word of the list that the text is, or null.
export function listed(text, words) {
  const whole = typed(text);
  return words.find((word) => word.toLowerCase() === whole) ?? null;
}
