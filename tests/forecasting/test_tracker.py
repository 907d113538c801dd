from __future__ import annotations

import torch

from bench.forecasting.tracker import KINDS, Slot, Tracker

KIB = 256  # numbers of fp32


def bytes_of(tracker: Tracker) -> dict[Slot, dict[str, int]]:
    found = tracker.peaks().items()
    return {slot: {kind: int(size) for kind, size in zip(KINDS, parts, strict=True) if size} for slot, parts in found}


def test_a_peak_is_what_lives_at_once_and_every_storage_counts_once() -> None:
    tracker, weight = Tracker(), torch.ones(KIB)
    tracker.see([weight, weight.view(16, 16)], "weights")
    with tracker:
        one = weight + 1
        two = one.view(2, -1) * 2
        del one
        three = two.flatten() + 1
        tracker.see([two], "activations")
        del two, three
        tracker.mark("forward")
        again = weight + 1
        tracker.mark("backward")
    del again
    peak = {"weights": 1024, "activations": 1024, "temporaries": 1024}
    assert bytes_of(tracker) == {
        Slot(0, "forward", 0): peak,
        Slot(1, "backward", 0): {"weights": 1024, "temporaries": 1024},
    }


def test_every_place_has_its_own_peak_which_counts_what_it_finds() -> None:
    tracker = Tracker()
    with tracker:
        kept = torch.ones(KIB)
        tracker.enter(1)
        _ = torch.ones(2 * KIB)
        del _
        tracker.enter(2)
        tracker.see_rest("activations")
        tracker.mark("forward")
    assert bytes_of(tracker) == {
        Slot(0, "forward", 0): {"activations": kept.nbytes},
        Slot(0, "forward", 1): {"activations": 1024, "temporaries": 2048},
        Slot(0, "forward", 2): {"activations": 1024},
    }


def test_what_it_is_first_said_to_be_for_is_what_it_stays() -> None:
    tracker = Tracker()
    with tracker:
        weight = torch.ones(KIB)
        tracker.see([weight], "weights")
        tracker.see([weight], "optimizer")
        tracker.forget_peaks()
        tracker.mark("data")
    assert bytes_of(tracker) == {Slot(0, "data", 0): {"weights": 1024}}


def test_what_grows_and_shrinks_where_it_is_counts_as_it_is_and_is_what_nobody_claims() -> None:
    tracker = Tracker()
    plain = torch.UntypedStorage.resize_
    with tracker:
        layer = torch.ones(KIB)
        tracker.see([layer], "weights")
        storage = layer.untyped_storage()
        tracker.forget_peaks()
        storage.resize_(0)
        tracker.mark("cut")
        storage.resize_(4096)
        torch.ones(KIB)
        tracker.mark("gathered")
        del layer, storage
        tracker.mark("gone")
    assert bytes_of(tracker) == {
        Slot(0, "cut", 0): {"weights": 1024},
        Slot(1, "gathered", 0): {"temporaries": 4096 + 1024},
        Slot(2, "gone", 0): {"temporaries": 4096},
    }
    assert torch.UntypedStorage.resize_ is plain
