"""Random faults, seed by seed: a short set here, the long one by ``make faults``."""

import pytest

from tests.faults.__main__ import sum_up
from tests.faults.mischief import ACTS
from tests.faults.plan import draw_plan
from tests.faults.seeds import Outcome, keep_or_remove, run_seed


@pytest.mark.parametrize("seed", [101, pytest.param(102, marks=pytest.mark.long)])
def test_nothing_is_violated_under_random_faults(open_folder, seed):
    outcome = run_seed(draw_plan(seed, messages=2_000, seconds=8), open_folder, echo=True)

    assert outcome.violations == [], outcome.plan


def test_a_seed_has_the_same_in_store_every_time():
    plans = [draw_plan(seed, messages=1_000, seconds=25) for seed in range(300)]

    assert plans == [draw_plan(seed, messages=1_000, seconds=25) for seed in range(300)]
    assert {act.kind for plan in plans for act in plan.acts} == ACTS.keys()


def test_a_violation_fails_the_run_and_keeps_the_folder(tmp_path, capsys):
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    fine = Outcome(1, "", 10)
    wrong = Outcome(2, "", 10, violations=["I1: still pending"])

    keep_or_remove(fine, good)
    keep_or_remove(wrong, bad)

    assert (good.exists(), bad.exists(), wrong.folder) == (False, True, str(bad))
    assert (sum_up([fine]), sum_up([fine, wrong])) == (0, 1)
    assert "Violations in seeds [2]" in capsys.readouterr().out
