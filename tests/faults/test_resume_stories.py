"""Drivers killed at random moments, run again until they are done: see resume_stories."""

import pytest

import resume_stories


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("story", [resume_stories.tuner_story, resume_stories.search_story])
def test_killed_drivers_lose_only_what_was_in_flight(story, seed, tmp_path):
    rows = story(tmp_path, seed)
    assert sum(row["ended"] == "SIGKILL" for row in rows) >= 2
    assert rows[-1]["ended"] == "its end"
    assert [row["found"] for row in rows[1:]] == [row["kept"] for row in rows[:-1]]
