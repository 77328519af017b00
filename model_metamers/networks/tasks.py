"""Names of the auditory networks' tasks: the keys of the lab's records and of its networks' logits."""

WORD_TASK = "/stimuli/word_int"
AUDIOSET_TASK = "/stimuli/labels_binary_via_int"
