"""Files that are kept with a run's comparison in MLflow after its end."""

from __future__ import annotations

from pathlib import Path

from tracked_run import (
    TABLE,
    Told,
    client,
    files,
    make_run,
    read,
    tell_all,
)

from hpo.tracking.attach import attach
from hpo.tracking.uri import default_uri


def test_figures_drawn_later_lie_with_the_comparison(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    figure = tmp_path / "effects.svg"
    figure.write_text("<svg/>")
    assert attach(default_uri(results), name, "run1", [(figure, "figures")])
    comparison = read(results, name)["comparison"].info.run_id
    assert [f.path for f in client(results).list_artifacts(comparison, "figures")] == ["figures/effects.svg"]


def test_nothing_is_made_where_a_run_is_not_tracked(results: Path, name: str, tmp_path: Path) -> None:
    assert not attach(default_uri(tmp_path / "nowhere"), name, "run1", [])
    assert not (tmp_path / "nowhere").exists()
    Told(default_uri(results), make_run(name), "run1")
    assert not attach(default_uri(results), "another", "run1", [])
    assert not attach(default_uri(results), name, "another", [])


def test_a_deleted_experiment_stays_deleted(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    found = client(results).get_experiment_by_name(name)
    client(results).delete_experiment(found.experiment_id)
    assert not attach(default_uri(results), name, "run1", [])
    assert client(results).get_experiment_by_name(name).lifecycle_stage == "deleted"
