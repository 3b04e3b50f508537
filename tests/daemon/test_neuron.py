"""The hosted neuron: what of the operator's settings reaches the worker."""

from dataclasses import fields, replace

import pytest

from config.settings import ModelSettings, NeuronSettings
from daemon.neuron import NeuronConfigError, build_model_spec, build_runtime_settings

SETTINGS = NeuronSettings(role="miner")


@pytest.mark.parametrize("name", [field.name for field in fields(ModelSettings)])
def test_every_setting_of_the_model_reaches_its_spec(name: str) -> None:
    value: object = getattr(SETTINGS.model, name)
    other = "ngram" if isinstance(value, str) else value + (4 if name == "heads" else 1)  # type: ignore[operator]
    if name == "width":
        other = 2 * SETTINGS.model.width
    changed = replace(SETTINGS, model=replace(SETTINGS.model, **{name: other}))
    assert build_model_spec(changed) != build_model_spec(SETTINGS)


def test_a_model_nobody_can_build_is_a_typed_error_with_a_remedy() -> None:
    broken = replace(SETTINGS, model=replace(SETTINGS.model, width=10, heads=4))
    with pytest.raises(NeuronConfigError, match="width") as raised:
        build_model_spec(broken)
    assert "[neuron.model]" in raised.value.remedy


def test_the_worker_is_run_as_the_operator_says() -> None:
    settings = replace(
        SETTINGS, device="cpu", threads=3, batch_max=7, queue_max=9, start_timeout_s=11.0
    )
    runtime = build_runtime_settings(settings, "models")
    assert (runtime.worker.device, runtime.worker.threads) == ("cpu", 3)
    assert (runtime.batch_max, runtime.queue_max, runtime.start_s) == (7, 9, 11.0)
    assert runtime.worker.cache_dir == "models"
