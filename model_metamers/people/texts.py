"""What people read before and after, where a laboratory gives no texts of its own."""

from __future__ import annotations

_CONSENT = (
    "This is a research study of how people recognise {things}.\n\n"
    "Taking part is voluntary. You may stop at any time by closing this page, and you may have your answers "
    "deleted.\n\n"
    "Your answers are stored under a number. No name and no network address is stored.\n\n"
    "[This text stands here until the laboratory puts its own in its place.]"
)
_IMAGES = (
    "You will see pictures, each for a moment, and say what they show.\n\n"
    "Some pictures look like noise, or are very hard to make out. If you do not know, guess."
)
_WORDS = (
    "You will hear clips of speech, each once, and say which word is in the middle of each.\n\n"
    "Some clips are very hard to understand. If you do not know, guess."
)
_THANKS = (
    "Thank you for taking part.\n\n"
    "Some of what you {met} was made by a computer, so that an artificial neural network responds to it as "
    "to a natural {thing}. We study at which stages of a network people still recognise it."
)


def default_texts(task: str) -> dict[str, str]:
    """Consent, instructions and thanks for "images" or "words", paragraphs parted by blank lines."""
    images = task == "images"
    return {
        "consent": _CONSENT.format(things="pictures" if images else "spoken words"),
        "instructions": _IMAGES if images else _WORDS,
        "thanks": _THANKS.format(met="saw" if images else "heard", thing="picture" if images else "sound"),
    }
