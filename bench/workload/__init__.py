"""The models and data sets that runs use, and the packages that carry the presets."""

from __future__ import annotations

import logging

# Where they are installed, transformers imports these, and at that they tell what they would rather have.
for _name in ("bitsandbytes", "torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)
