from . import (
    alignments as alignments,
)
from . import (
    background_dataset as background_dataset,
)
from . import (
    clip_format as clip_format,
)
from . import (
    demo_stimuli as demo_stimuli,
)
from . import (
    drawing as drawing,
)
from . import (
    drawn_images as drawn_images,
)
from . import (
    drawn_words as drawn_words,
)
from . import (
    hold_out as hold_out,
)
from . import (
    image_dataset as image_dataset,
)
from . import (
    labelled_sounds as labelled_sounds,
)
from . import (
    record_writer as record_writer,
)
from . import (
    records as records,
)
from . import (
    speech as speech,
)
from . import (
    speech_corpus as speech_corpus,
)
from . import (
    speech_dataset as speech_dataset,
)
from . import (
    speech_records as speech_records,
)
