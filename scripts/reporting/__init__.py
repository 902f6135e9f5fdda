"""The output of scripts/report: the page of a run, the page of a study, and docs/results.md."""
