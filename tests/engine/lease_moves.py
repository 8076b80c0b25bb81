"""What befalls a lease without a command, in the model of steering: viewers come and go, and time passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.engine.steering_model import Steered

IDLE_S: Final = 300
GRACE_S: Final = 30


def came(run: Steered, actor: str) -> Steered:
    """A person's bridge is there."""
    gone_s = None if actor == run.driver else run.gone_s
    return replace(run, bridges=(*run.bridges, actor), gone_s=gone_s)


def went(run: Steered, actor: str) -> Steered:
    """A person's bridge has hung up."""
    assert actor in run.bridges
    bridges = list(run.bridges)
    bridges.remove(actor)
    is_gone = actor == run.driver and actor not in bridges and not run.leaving
    return replace(run, bridges=tuple(bridges), gone_s=0 if is_gone else run.gone_s)


def waited(run: Steered, seconds: int) -> Steered:
    """Time passes."""
    if not run.driver or run.leaving:
        return run
    idle_s = 0 if run.acts else run.idle_s + seconds
    gone_s = None if run.gone_s is None else run.gone_s + seconds
    leaving = idle_s >= IDLE_S or (gone_s is not None and gone_s >= GRACE_S)
    return replace(run, idle_s=idle_s, gone_s=gone_s, leaving=leaving)
