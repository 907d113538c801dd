from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.errors import UsageError
from bench.executors.ray_places import find_places
from bench.executors.registry import Options


def node(name: str, *, host: str | None = None, alive: bool = True, kind: str | None = None, **resources: float) -> Any:
    """A node as Ray tells of it."""
    found = resources | ({f"accelerator_type:{kind}": 1.0} if kind else {})
    return {"NodeID": name, "NodeManagerHostname": host or name, "Alive": alive, "Resources": found}


def options(**more: Any) -> Options:
    return Options(directory=Path(), say=print, **more)


def test_every_gpu_has_a_place_and_the_first_of_each_node_come_first() -> None:
    nodes = [node("a", CPU=8, GPU=2), node("b", CPU=8, GPU=1), node("head", CPU=8), node("c", alive=False, GPU=8)]
    places = find_places(nodes, options(), "cuda")
    assert [place.node for place in places] == ["a", "b", "a"]
    assert all(place.needs == {"num_gpus": 1} for place in places)
    assert [place.node for place in find_places(nodes, options(concurrent=2), "cuda")] == ["a", "b"]
    assert len(find_places(nodes, options(concurrent=9), "cuda")) == 3, "there are no more"


def test_a_run_on_a_cpu_has_its_node_to_itself_unless_more_are_asked_for() -> None:
    nodes = [node("a", CPU=8), node("b", CPU=2), node("gpus", GPU=1)]
    alone = find_places(nodes, options(), "cpu")
    assert [(place.node, place.needs, place.num_slots) for place in alone] == [
        ("a", {"num_cpus": 8}, 1), ("b", {"num_cpus": 2}, 1)
    ]  # fmt: skip
    shared = find_places(nodes, options(concurrent=5), "cpu")
    assert [(place.node, place.needs["num_cpus"], place.num_slots) for place in shared] == [
        ("a", 2, 3), ("b", 1, 2), ("a", 2, 3), ("b", 1, 2), ("a", 2, 3)
    ]  # fmt: skip


def test_nodes_of_one_host_share_it() -> None:
    places = find_places([node("a", host="vm", CPU=1), node("b", host="vm", CPU=1)], options(), "cpu")
    assert [place.num_slots for place in places] == [2, 2]


def test_what_is_compared_is_measured_on_gpus_of_one_kind() -> None:
    nodes = [node("a", CPU=8, GPU=1, kind="H100"), node("b", CPU=8, GPU=1, kind="A100"), node("c", CPU=8, GPU=1)]
    with pytest.raises(UsageError, match=r"of several kinds, A100, H100, unknown, .* give --accelerator"):
        find_places(nodes, options(), "cuda")
    (place,) = find_places(nodes, options(accelerator="A100"), "cuda")
    assert place.node == "b"
    with pytest.raises(UsageError, match="has no B200 GPU for --device cuda"):
        find_places(nodes, options(accelerator="B200"), "cuda")
    with pytest.raises(UsageError, match="has no GPU for --device cuda"):
        find_places([node("a", CPU=8)], options(), "cuda")
