"""The page of a study: its question, the answer, results, costs and warnings."""
from .answers import answer
from .page import render
from .study import how_made, read, warnings
from .study_figures import pictures
from .study_tables import costs_table, tables


def study_page(path):
    study = read(path)
    costs = costs_table(study)
    parts = tables(study) + pictures(study) + ([costs] if costs.rows else [])
    return render(study.get("question") or study["study"], parts, warnings(study), answer(study), how_made(study))
