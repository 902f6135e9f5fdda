"""What scripts/report makes: the page of a run, the page of a study, and docs/results.md."""
