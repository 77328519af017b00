"""What people read before and after, where a laboratory gives no texts of its own."""

from __future__ import annotations

from model_metamers.people.study import Timing

_CONSENT = (
    "This is a research study of how people recognise {things}.\n\n"
    "Taking part is voluntary. You may stop at any time by closing this page, and you may have your answers "
    "deleted.\n\n"
    "Your answers are stored under a number. No name and no network address is stored.\n\n"
    "[This text stands here until the laboratory puts its own in its place.]"
)
_IMAGES = (
    "A small square will appear in the middle of the screen. Look at it. A picture follows for a short "
    "time, and then a pattern of noise.\n\n"
    "Then choose what the picture showed. Some pictures look like noise, or are very hard to make out. If "
    "you do not know, guess.{hurry}"
)
_HURRY = " You have {seconds:g} seconds for each answer."
_WORDS = (
    "In each trial you hear a clip, once, when you press the button. It holds a word.\n\n"
    "Then type the word that you heard in its middle. As you type, words that contain these letters are "
    "listed; only a word of the list can be chosen.\n\n"
    "Some clips are very hard to understand. If you do not know, guess."
)
_THANKS = (
    "Thank you for taking part.\n\n"
    "Some of what you {saw} was made by a computer, so that an artificial neural network responds to it as "
    "to a natural {thing}. We study at which stages of a network people still recognise it."
)


def default_texts(task: str, timing: Timing | None) -> dict[str, str]:
    """Consent, instructions and thanks, paragraphs parted by blank lines."""
    if timing is None:
        return {
            "consent": _CONSENT.format(things="spoken words"),
            "instructions": _WORDS,
            "thanks": _THANKS.format(saw="heard", thing="sound"),
        }
    hurry = "" if timing.answer_ms is None else _HURRY.format(seconds=timing.answer_ms / 1000)
    return {
        "consent": _CONSENT.format(things="pictures"),
        "instructions": _IMAGES.format(hurry=hurry),
        "thanks": _THANKS.format(saw="saw", thing="picture"),
    }
