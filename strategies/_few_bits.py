"""AdamW whose moments are stored in few bits, by libraries that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import Unsupported
from bench.plan.compiler import check_cpp_compiler
from bench.plan.quiet import quietly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer

    from bench.plan import ModelView

__all__ = ["FewBits"]

LEAST = 4096
"""Numbers of a parameter from which on its moments are in few bits, by either library."""
BLOCKS = {("bitsandbytes", 8): 1, ("torchao", 8): 256, ("torchao", 4): 128}
"""Numbers of which a parameter has a multiple where its moments are in few bits."""
COMPILING_PAYS = 10**8
"""Numbers that are stepped in a run on a CPU, from which on compiling the step of torchao takes less time than it saves."""


@dataclass(frozen=True, slots=True)
class FewBits:
    """Makes the optimizer."""

    bits: Literal[4, 8]
    by: Literal["bitsandbytes", "torchao"]
    num_steps: int

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it.

        Raises:
            Unsupported: no parameter is large enough, or there is no compiler for the step.

        """
        block = BLOCKS[self.by, self.bits]
        sizes = [param.numel() for group in groups for param in group["params"]]
        if not any(size >= LEAST and size % block == 0 for size in sizes):
            multiple = f", a multiple of {block}" if block > 1 else ""
            raise Unsupported(
                f"adamw{self.bits}bit by {self.by} is for parameters of {LEAST:,} numbers or more{multiple}, and none trains: "
                "it would be AdamW"
            )
        return self._of_torchao(groups) if self.by == "torchao" else self._of_bitsandbytes(groups)

    def describe(self, _view: ModelView) -> str:
        """Say what is stored how."""
        return (
            f"AdamW by {self.by}, its moments in {self.bits} bits; those of parameters under {LEAST:,} numbers in fp32"
        )

    def _of_bitsandbytes(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        with quietly():
            from bitsandbytes.optim import AdamW8bit  # noqa: PLC0415  (heavy, and an extra)
        made: Optimizer = AdamW8bit([dict(group) for group in groups])
        return made

    def _of_torchao(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        with quietly():
            from torchao.optim import AdamW4bit, AdamW8bit  # noqa: PLC0415  (heavy, and an extra)
        import torch  # noqa: PLC0415

        params = [param for group in groups for param in group["params"]]
        num_stepped = sum(param.numel() for param in params) * self.num_steps
        compiled = params[0].device.type != "cpu" or num_stepped >= COMPILING_PAYS
        if compiled:
            if params[0].device.type == "cpu":
                check_cpp_compiler(
                    f"the step of adamw{self.bits}bit by torchao, which is compiled in a run of this length,"
                )
            torch.compiler.config.force_disable_caches = True  # each run pays for what it uses
        kind: Any = {4: AdamW4bit, 8: AdamW8bit}[self.bits]

        class AdamW(kind):  # type: ignore[misc]
            """Has rates that are numbers, as every other optimizer, but for the step, which wants tensors."""

            def add_param_group(self, group: dict[str, Any]) -> None:
                torch.optim.Optimizer.add_param_group(self, group)

            def step(self, closure: None = None) -> None:
                rates = [group["lr"] for group in self.param_groups]
                for group, rate in zip(self.param_groups, rates, strict=True):
                    group["lr"] = torch.tensor(rate)
                with torch.compiler.set_stance("default" if compiled else "force_eager"):
                    super().step(closure)
                for group, rate in zip(self.param_groups, rates, strict=True):
                    group["lr"] = rate

        made: Optimizer = AdamW([dict(group) for group in groups])
        return made
