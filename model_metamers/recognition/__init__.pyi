from .decisions import Decision, decide, decision
from .generators import load_generator
from .judged_blocks import look_elsewhere
from .judgement import NATURAL, Judgement, Who, read_judgements, write_judgements
from .kept import blocks, claim_threads, kept_folder, kept_logits, logits_of
from .labels import Truth, read_labels, truths
from .network_judge import judge_of, judgements, presentations_for, recognize
from .points import Point, read_points, write_points
from .presentations import CRITERIA, Presentation

__all__ = [
    "CRITERIA",
    "NATURAL",
    "Decision",
    "Judgement",
    "Point",
    "Presentation",
    "Truth",
    "Who",
    "blocks",
    "claim_threads",
    "decide",
    "decision",
    "judge_of",
    "judgements",
    "kept_folder",
    "kept_logits",
    "load_generator",
    "logits_of",
    "look_elsewhere",
    "presentations_for",
    "read_judgements",
    "read_labels",
    "read_points",
    "recognize",
    "truths",
    "write_judgements",
    "write_points",
]
