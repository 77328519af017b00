"""Names of the auditory networks' tasks, which are keys in the lab's records and of its logits."""

WORD_TASK = "/stimuli/word_int"
AUDIOSET_TASK = "/stimuli/labels_binary_via_int"
