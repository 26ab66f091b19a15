import torch

from hpo.training.held import HeldStates


def state(value: float) -> dict[str, torch.Tensor]:
    return {"model/weight": torch.full((25,), value)}  # 100 bytes


def test_the_states_used_longest_ago_give_way():
    held = HeldStates(250)
    for key in ("a", "b"):
        held.put(key, state(1.0))
    assert held.get("a") is not None
    held.put("c", state(2.0))
    assert held.get("b") is None
    assert [held.get(key)["model/weight"][0] for key in ("a", "c")] == [1.0, 2.0]


def test_a_state_is_held_once_and_one_over_the_limit_not_at_all():
    held = HeldStates(200)
    for key in ("a", "a", "b"):
        held.put(key, state(1.0))
    held.put("large", {"model/weight": torch.zeros(51)})
    assert held.get("large") is None
    assert None not in (held.get("a"), held.get("b"))


def test_after_clearing_all_the_room_is_free():
    held = HeldStates(200)
    held.put("a", state(1.0))
    assert held.clear()
    assert not held.clear()
    for key in ("b", "c"):
        held.put(key, state(1.0))
    assert held.get("a") is None
    assert None not in (held.get("b"), held.get("c"))
