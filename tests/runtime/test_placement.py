"""Where workers go, decided without a GPU or a cluster at hand."""

from __future__ import annotations

from collections import Counter

import pytest

from hpo.runtime.placement import Layout, Node, Quarantine, alike, cards, choose, lay_out, share_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def node(name: str, cpus: float = 0, gpus: float = 0) -> Node:
    return Node(id=name, address=f"10.0.0.{len(name)}", cpus=cpus, gpus=gpus)


def placed(nodes: list[Node], layout: Layout) -> Counter[str]:
    """Workers by node when all places are taken one after another."""
    taken: Counter[str] = Counter()
    while sum(taken.values()) < layout.most:
        found = choose(nodes, layout, taken, Quarantine())
        if found is None:
            break
        taken[found.id] += 1
    return taken


def test_of_the_cards_of_a_machine_those_like_the_first_are_taken_unless_one_is_named() -> None:
    assert alike(["A", "A", "B", "A"]) == ("cuda:0", "cuda:1", "cuda:3")
    assert alike([]) == ()
    assert cards("cuda:1") == ("cuda:1",)
    assert cards("cpu") == ()


@pytest.mark.parametrize(
    ("workers", "devices", "share"),
    [(4, 4, 1), (3, 4, 1), (8, 4, 1 / 2), (5, 4, 1 / 2), (2, 0, 1 / 2), (1, 1, 1)],
)
def test_workers_of_one_card_share_it_and_no_two_take_more_than_all_of_it(
    workers: int, devices: int, share: float
) -> None:
    assert share_of(workers, devices) == share
    on_one = max(Counter(number % max(1, devices) for number in range(workers)).values())
    assert on_one * share <= 1


def test_a_cluster_with_gpus_has_a_worker_on_each_and_none_where_there_is_no_gpu() -> None:
    nodes = [node("head", cpus=8), node("a", cpus=32, gpus=4), node("b", cpus=32, gpus=2)]
    layout = lay_out(nodes, None, None, width=50)
    assert layout == Layout("cuda", 50, 1.0)
    assert placed(nodes, layout) == {"a": 4, "b": 2}


def test_workers_for_whom_there_is_no_gpu_wait_for_nodes_to_join_and_share_none() -> None:
    early = [node("head", cpus=4), node("a", cpus=8, gpus=4)]
    layout = lay_out(early, "cuda", 16, width=50)
    assert layout == Layout("cuda", 16, 1.0)
    assert layout.resources() == {"num_cpus": 0, "num_gpus": 1}
    assert placed(early, layout) == {"a": 4}
    late = [*early, *(node(name, cpus=8, gpus=4) for name in ("b", "c", "d"))]
    assert placed(late, layout) == {"a": 4, "b": 4, "c": 4, "d": 4}


def test_on_cpus_a_worker_has_one_and_its_second_is_charged_by_its_part_of_the_largest_node() -> None:
    nodes = [node("head", cpus=0), node("a", cpus=4), node("b", cpus=2)]
    layout = lay_out(nodes, None, None, width=50)
    assert layout == Layout("cpu", 50, 1 / 4)
    assert placed(nodes, layout) == {"a": 4, "b": 2}
    assert lay_out([node("a", cpus=4, gpus=4)], "cpu", None, width=3) == Layout("cpu", 3, 1 / 3)


def test_a_cluster_that_lends_nothing_for_the_device_has_no_layout() -> None:
    assert lay_out([node("head")], None, None, width=3) is None
    assert lay_out([node("a", cpus=8)], "cuda", None, width=3) is None


def test_the_user_is_told_on_how_many_devices_of_which_nodes_workers_were_laid_out() -> None:
    nodes = [node("h"), Node("a", "10.0.0.7", cpus=32, gpus=4), Node("b", "10.0.0.8", cpus=32, gpus=2)]
    assert Layout("cuda", 50, 1.0).sentence(nodes) == (
        "a worker on each of 6 GPUs of 2 nodes (10.0.0.7: 4, 10.0.0.8: 2); nodes that join "
        "take more, up to 50 workers in all"
    )
    alone = Layout("cpu", 1, 1.0).sentence([node("h"), Node("a", "10.0.0.7", cpus=1, gpus=0)])
    assert alone.startswith("a worker on each of 1 CPU of 1 node (10.0.0.7: 1); nodes that join")
    assert alone.endswith("up to 1 worker in all, and GPUs are left alone, also those that join")
    many = [Node(str(number), f"10.0.0.{number}", cpus=2, gpus=0) for number in range(10)]
    assert ", 10.0.0.7: 2, and 2 more); " in Layout("cpu", 50, 1.0).sentence(many)


def test_workers_spread_to_where_most_slots_are_free() -> None:
    nodes = [node("a", cpus=3), node("b", cpus=3)]
    assert placed(nodes, Layout("cpu", 4, 1.0)) == {"a": 2, "b": 2}


def test_a_node_that_was_lost_is_left_alone_for_two_minutes() -> None:
    clock = Clock()
    quarantine = Quarantine(clock)
    nodes, layout = [node("a", cpus=1)], Layout("cpu", 1, 1.0)
    quarantine.add("a")
    clock.now += 119
    assert choose(nodes, layout, {}, quarantine) is None
    clock.now += 1
    assert choose(nodes, layout, {}, quarantine) == nodes[0]


def test_where_a_worker_just_died_another_is_put_only_if_there_is_no_other_place() -> None:
    nodes, layout = [node("a", cpus=4), node("b", cpus=1)], Layout("cpu", 5, 1.0)
    assert choose(nodes, layout, {}, Quarantine(), shunned="a") == nodes[1]
    assert choose(nodes, layout, {"b": 1}, Quarantine(), shunned="a") == nodes[0]
