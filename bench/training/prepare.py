"""The only place that changes a model: a plan applied to it is what the trainer runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import Unsupported
from bench.training.forward.choose import choose_forward
from bench.training.parallel.choose import shared_by
from bench.training.passes.averaging import AveragedWeights
from bench.training.passes.cache import cache_layers, num_frozen_layers
from bench.training.passes.checkpoint import recompute_layers
from bench.training.passes.compile import compile_layers
from bench.training.passes.cut import cut
from bench.training.passes.noise import EmbeddingNoise
from bench.training.passes.optimizer import make_optimizer, places_of
from bench.training.passes.prompt import add_prompt
from bench.training.passes.trainable import rates_of_params
from bench.training.passes.transforms import rewrite
from bench.training.passes.weights import store_introduced, store_weights
from bench.training.precision import Precision, resolve_dtype
from bench.training.prepared import Prepared
from bench.training.resolve import resolve
from bench.training.savings.fused_layers import fuse_layers
from bench.training.savings.joint_products import join_products
from bench.training.savings.onednn_linear import is_by_onednn, multiply_by_onednn
from bench.training.savings.seen_embeddings import split_table
from bench.training.target import kind_of
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.plan.learning_rates import Rates
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.training.activation_cache import CacheDirectory
    from bench.training.forward.choose import ForwardChoice
    from bench.training.parallel.group import Group
    from bench.workload.data.dataset import Split

__all__ = ["prepare"]


def prepare(
    classifier: PreTrainedModel,
    view: ModelView,
    plan: TrainPlan,
    *,
    split: Split,
    pad_token_id: int,
    rates: Rates,
    device: torch.device,
    weight_decay: float,
    cache_directory: CacheDirectory | None = None,
    way: Way | None = None,
    group: Group | None = None,
    choose: ForwardChoice | None = None,
) -> Prepared:
    """Apply a plan to a model, in place.

    Args:
        classifier: As loaded.
        view: Of this model.
        plan: Of this view.
        split: The training rows; the packed model is tried on some of them.
        pad_token_id: Of the model's tokenizer.
        rates: Where the plan leaves rates open.
        device: Receives the model.
        weight_decay: Of what decays.
        cache_directory: Where equal runs share the output of their frozen layers.
        way: To run the model; None packs.
        group: The ranks that share the run, where several do.
        choose: Finds how the model is run in that way, as `choose_forward` does by comparing numbers.

    Raises:
        UsageError: nothing would train.
        Unsupported: the device or the model cannot do what the plan asks for.

    """
    resolved = resolve(plan, view, rates)
    parallel = shared_by(group, plan)
    # No device has room for all parameters where each is to have a part of them.
    home = parallel.home(device)
    # First, since it may refuse the device: nothing has been changed by then.
    precision = Precision(resolve_dtype(plan.precision, device), device)
    # Before the transforms, which may rename parameters, wrap layers, and compute with the weights that they find.
    store_weights(
        classifier,
        resolved.trained,
        weights=plan.weights,
        frozen_weights=plan.frozen_weights,
        precision=precision.dtype,
        device=home,
    )
    by_name = dict(classifier.named_parameters())
    params = {name: by_name[name] for layer in view.layers for name in layer.param_names}
    layers = dict(zip(view.names[1:-1], layers_of(classifier), strict=True))
    # From here on `model` is what is called: the classifier, or an adapter around it.
    model, is_rewritten = rewrite(classifier, plan.transforms)
    # After the transforms, which may freeze what they find.
    prompt = add_prompt(classifier, plan.prompt_tokens, split) if plan.prompt_tokens else None
    store_introduced(model, set(params.values()), weights=plan.weights, device=home)
    # After the weights have their type, and before layers are compiled, since compiled code calls it.
    if is_by_onednn(precision.dtype, device):
        multiply_by_onednn(model)
    # After transforms, which look for layers by their class. A compiler fuses what it finds by itself.
    fuses = kind_of(device) == "cuda" and not plan.compile
    if fuses:
        fuse_layers(model)
    # After the prompt, whose embeddings get it too.
    noise = EmbeddingNoise(classifier, plan.embedding_noise) if plan.embedding_noise else None
    # Before anything keeps a parameter, and with what trains at first told apart.
    params, is_rewritten = cut(
        parallel, model, layers=layers, params=params, is_rewritten=is_rewritten, resolved=resolved
    )
    # Once parameters are where they stay, and before the optimizer and whatever else asks what trains.
    rate_of = rates_of_params(model, params, resolved, device)
    seen = split_table(model, classifier, split, pad_token_id, rate_of=rate_of) if plan.seen_embeddings else None
    # Once nothing moves numbers any more.
    if fuses and not parallel.cuts:
        join_products(model)
    # Compiled before they are recomputed, so that recomputing runs compiled code.
    if plan.compile:
        compile_layers(layers.values(), device)
    recompute_layers(layers, plan.checkpoint)
    # After all that changes how a layer runs: it wraps the layers, and compares the model with itself as it will run.
    seen_rows = prompt.before(split, range(len(split))) if prompt else split
    forward, why_padded = (choose or choose_forward)(model, classifier, seen_rows, pad_token_id, precision, way=way)
    cache = None
    if plan.cache_prefix:
        num_frozen = num_frozen_layers(view, params, layers, rate_of)
        # Where layers are gathered to run, all ranks run them, and none waits for what another stores.
        shared = None if parallel.cuts else cache_directory
        cache = cache_layers(forward, num_frozen, precision, shared, plan)
    # Last, since each of its parameters must be the one that trains.
    optimizer = make_optimizer(rate_of, places_of(view, params), plan.optimizer, weight_decay)
    if seen:
        seen.follow(optimizer)
    if plan.averaging and hasattr(optimizer, "eval"):
        raise Unsupported("this optimizer is evaluated by an average of its own: no other average goes with it")
    prepared = Prepared(
        resolved=resolved,
        model=model,
        forward=cache.forward if cache else forward,
        cache=cache,
        why_padded=why_padded,
        optimizer=optimizer,
        precision=precision,
        device=device,
        trained=tuple(rate_of),
        params=params,
        is_rewritten=is_rewritten,
        prompt=prompt,
        noise=noise,
        averaged=AveragedWeights(plan.averaging, rate_of) if plan.averaging else None,
        parallel=parallel,
    )
    prepared.let_train(plan.phases.at(0, view.num_steps, 0))
    if cache:
        cache.forward.check(split, device)  # by what requires a gradient, which the first step's part has set
    return prepared
