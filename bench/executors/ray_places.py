"""Where on a Ray cluster runs are carried out at a time: on GPUs of one kind, or on one CPU after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.executors.registry import Options

__all__ = ["Place", "find_places"]

_KIND = "accelerator_type:"


@dataclass(frozen=True, slots=True)
class Place:
    """A GPU, a node or a share of it."""

    node: str
    """Ray's name of it."""
    host: str
    needs: Mapping[str, float]
    """What Ray gives to the worker, and to nothing else meanwhile."""
    num_slots: int
    """Places on the same host."""


def find_places(nodes: Iterable[Mapping[str, Any]], options: Options, device: str) -> list[Place]:
    """Find a place for each run that is carried out at a time: each GPU, or each node, or as many as are asked for.

    Args:
        nodes: As `ray.nodes` tells of them.
        options: The number of runs at a time, and the kind of GPU.
        device: Of the runs, "cuda" or "cpu".

    Raises:
        UsageError: there is no such device, or there are several kinds.

    """
    resource = "GPU" if device == "cuda" else "CPU"
    able = [node for node in nodes if node["Alive"] and node["Resources"].get(resource)]
    if options.accelerator is not None:
        able = [node for node in able if _kind(node) == options.accelerator]
    elif device == "cuda" and len(kinds := {_kind(node) or "unknown" for node in able}) > 1:
        raise UsageError(
            f"the Ray cluster has GPUs of several kinds, {', '.join(sorted(kinds))}, and what is compared is measured on one: give "
            "--accelerator"
        )
    if not able:
        wanted = f"{options.accelerator} GPU" if options.accelerator else resource
        raise UsageError(f"the Ray cluster has no {wanted} for --device {device}")
    num_gpus = [int(node["Resources"]["GPU"]) if device == "cuda" else 1 for node in able]
    most = options.concurrent or sum(num_gpus)
    turns = range(most if device == "cpu" else max(num_gpus))
    spread = [node for turn in turns for node, num in zip(able, num_gpus, strict=True) if device == "cpu" or turn < num]
    taken = spread[:most]
    of_host, of_node = (Counter(node[key] for node in taken) for key in ("NodeManagerHostname", "NodeID"))
    return [
        Place(
            node["NodeID"],
            host := node["NodeManagerHostname"],
            {"num_gpus": 1} if device == "cuda" else {"num_cpus": _share(node, of_node[node["NodeID"]])},
            of_host[host],
        )
        for node in taken
    ]


def _kind(node: Mapping[str, Any]) -> str | None:
    return next((name.removeprefix(_KIND) for name in node["Resources"] if name.startswith(_KIND)), None)


def _share(node: Mapping[str, Any], num_places: int) -> float:
    """The CPUs of a node for each of its places, a whole number where there are enough, as Ray wants it."""
    num_cpus = int(node["Resources"]["CPU"])
    return num_cpus // num_places if num_cpus >= num_places else num_cpus / num_places
