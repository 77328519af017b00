from . import (
    augmentation as augmentation,
)
from . import (
    evaluation as evaluation,
)
from . import (
    export as export,
)
from . import (
    image_input as image_input,
)
from . import (
    image_preprocessing as image_preprocessing,
)
from . import (
    image_runs as image_runs,
)
from . import (
    loop as loop,
)
from . import (
    losses as losses,
)
from . import (
    mixtures as mixtures,
)
from . import (
    optimizers as optimizers,
)
from . import (
    plan as plan,
)
from . import (
    recipe as recipe,
)
from . import (
    recipes as recipes,
)
from . import (
    records as records,
)
from . import (
    schedules as schedules,
)
from . import (
    sound_input as sound_input,
)
from . import (
    sound_validation as sound_validation,
)
from . import (
    state as state,
)
from . import (
    stopping as stopping,
)
