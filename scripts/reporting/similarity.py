"""Why title similarity is hard to beat: a section of docs/results.md, from `claims`, `search`, `baselines` and
`relations`."""
import re
import textwrap

from .study import shown
from .wording import interval, number, p_value, signed

OURS, BACKBONE, PAIRS, WHOLE = "routed/dynamic", "routed/backbone", "similar_pairs", "whole"
BLIND, TOLD = "none/base", "titles/base"  # prompts without relations, and with the similarity of titles
TEXT = """## Why title similarity is hard to beat

{today}**With the older recipe**, whose prompts showed lists instead of a draft. On the test split ([baselines](#baselines);
`{ours}` is here the older model):

- `{pairs}` answers with {pairs_bundles} bundles a session, `{ours}` with {ours_bundles}. `precision_all` is
  {pairs_precision} and {ours_precision}, `recall_distinct_all` {pairs_recall} and {ours_recall}.
- `{ours}` minus `{pairs}` is {f1} in `f1` and {jaccard} in `jaccard_f1`.
- The candidates hardly show which items belong together: `pair_auc` is {ours_auc} for `{ours}` and {backbone_auc}
  for the untrained backbone (.500 is chance).
- The best candidate of each session, chosen by gold, has an `f1` of {ours_oracle}; the untrained backbone's best
  has {backbone_oracle}. Good answers are drawn, but an untrained model draws them too.

On the validation split ([relations](#relations)):

- Prompts can show the similarity of titles, which is all that `{pairs}` uses. `{told}`, which shows it, minus
  `{blind}` is {told_f1} in `f1`. `pair_auc` is {told_auc} with it and {blind_auc} without.

**By definition**, a pair inside a gold bundle is a full hit in `f1`, however many items it leaves out. `jaccard_f1`
counts what is left out; there `{whole}`, one bundle of all items, has {whole_jaccard}, `{pairs}` {pairs_jaccard} and
the older `{ours}` {ours_jaccard}.

**Conjecture**, not tested:

- Many gold bundles hold alternatives, whose titles share words. Word overlap finds these without any training.
- The training sessions are too few, or the backbone is too small, to learn from texts what titles do not show.

**How to find out**:

- `configs/experiments/relations.yaml` with `--set size=medium`: whether more sessions and epochs raise `pair_auc`
  where prompts show no relations.
- The same with a larger backbone (`--set model.path=PATH`): whether the backbone is the limit.
- Items paired greedily by the share of candidates that join them, as `{pairs}` pairs them by their titles (not
  implemented): whether the model chooses wrong pairs or too few bundles.
"""
TODAY = "**With today's recipe**, whose prompts show a draft.\n\n"
TESTED = """On the test split ([claims](#claims)):

- The draft alone, `{draft}`, has an `f1` of {draft_f1} and a `jaccard_f1` of {draft_jaccard_f1}. The untrained
  backbone, whose prompts show the draft, has {backbone_f1} and {backbone_jaccard_f1}; `{ours}` has {ours_f1} and
  {ours_jaccard_f1}.
- `{ours}` minus `{pairs}` is {over_pairs_f1} in `f1` and {over_pairs_jaccard_f1} in `jaccard_f1`; minus the draft
  alone it is {over_draft_f1} and {over_draft_jaccard_f1}.

"""
CHOSEN = """On the validation split ([search](#search)):

- Categories show what titles do not, if their rates are estimated well: `{groups}`, which groups items by the mean
  of title similarity and category rate and needs no model, has an `f1` of {groups_f1} and a `jaccard_f1` of
  {groups_jaccard_f1}; `{pairs}` has {pairs_f1} and {pairs_jaccard_f1} there.
- A model that is shown this answer as a draft, `{recipe}`, has {recipe_f1} and {recipe_jaccard_f1}; minus the draft
  alone that is {minus} in `f1`. One that is shown the same strengths as a list of pairs, `{listed}`, has
  {listed_f1} and {listed_jaccard_f1}.

"""
DRAFT = "routed/related_groups"
BOTH = ("f1", "jaccard_f1")
RECIPE, LISTED, GROUPS = "recipe/merged", "pairs/merged", "recipe/related_groups"


def difference(study, a, b, metric):
    """`-.050 (-.097 to -.002, corrected p .30)`; None where the study does not compare the two."""
    for one in study.get("comparisons", []):
        if (one["a"], one["b"], one["metric"]) == (a, b, metric):
            return f"{signed(one['difference'])} ({interval(one['interval'])}, corrected {p_value(one['p_holm'])})"
    return None


def metric(study, name, which):
    found = list(study.get("results", {}).get(name, {}).values())
    return found[0].get(which) if found else None


def fact(study, name, which):
    return next((one.facts.get(which) for one in shown(study) if one.name == name), None)


def filled(text, study, names, pairs):
    """The text with `names` {short: result}, the f1 and jaccard_f1 of each as SHORT_f1 and SHORT_jaccard_f1, and the
    differences of `pairs` {name: (a, b, metric)}; empty unless the study has all figures."""
    figures = {f"{short}_{which}": metric(study, name, which) for short, name in names.items() for which in BOTH}
    differences = {name: difference(study, *pair) for name, pair in pairs.items()}
    if None in [*figures.values(), *differences.values()]:
        return ""
    return text.format(**names, **differences, **{name: number(value) for name, value in figures.items()})


def today(search, claims):
    """What the studies of today's recipe found."""
    chosen = {"groups": GROUPS, "recipe": RECIPE, "listed": LISTED, "pairs": PAIRS}
    tested = {"draft": DRAFT, "backbone": BACKBONE, "ours": OURS, "pairs": PAIRS}
    over = {f"over_{short}_{which}": (OURS, tested[short], which) for short in ("pairs", "draft") for which in BOTH}
    found = filled(TESTED, claims, tested, over) + filled(CHOSEN, search, chosen, {"minus": (RECIPE, GROUPS, "f1")})
    return found and TODAY + found


def wrapped(text):
    """Its paragraphs and items of lists in lines of at most 100 columns."""
    parts = re.split(r"(\n\n|\n(?=- ))", text.strip())
    return "".join(part if part.isspace() else
                   textwrap.fill(" ".join(part.split()), 100, subsequent_indent="  " if part.startswith("- ") else "",
                                 break_long_words=False, break_on_hyphens=False) for part in parts) + "\n"  # fmt: skip


def section(studies):
    """Empty unless `baselines` and `relations` have all figures."""
    if "baselines" not in studies or "relations" not in studies:
        return ""
    baselines, relations = studies["baselines"], studies["relations"]
    numbers = {
        "pairs_precision": metric(baselines, PAIRS, "precision_all"), "ours_precision": metric(baselines, OURS, "precision_all"),
        "pairs_recall": metric(baselines, PAIRS, "recall_distinct_all"), "ours_recall": metric(baselines, OURS, "recall_distinct_all"),
        "whole_jaccard": metric(baselines, WHOLE, "jaccard_f1"), "pairs_jaccard": metric(baselines, PAIRS, "jaccard_f1"),
        "ours_jaccard": metric(baselines, OURS, "jaccard_f1"), "ours_auc": fact(baselines, OURS, "pair_auc"),
        "backbone_auc": fact(baselines, BACKBONE, "pair_auc"), "ours_oracle": fact(baselines, OURS, "oracle_f1"),
        "backbone_oracle": fact(baselines, BACKBONE, "oracle_f1"), "told_auc": fact(relations, TOLD, "pair_auc"),
        "blind_auc": fact(relations, BLIND, "pair_auc")}  # fmt: skip
    counts = {"pairs_bundles": metric(baselines, PAIRS, "bundles_per_session"),
              "ours_bundles": metric(baselines, OURS, "bundles_per_session")}  # fmt: skip
    differences = {"f1": difference(baselines, OURS, PAIRS, "f1"), "jaccard": difference(baselines, OURS, PAIRS, "jaccard_f1"),
                   "told_f1": difference(relations, TOLD, BLIND, "f1")}  # fmt: skip
    if None in [*numbers.values(), *counts.values(), *differences.values()]:
        return ""
    names = {"today": today(studies.get("search", {}), studies.get("claims", {})),
             "ours": OURS, "pairs": PAIRS, "whole": WHOLE, "told": TOLD, "blind": BLIND}  # fmt: skip
    return wrapped(TEXT.format(**names, **differences, **{name: number(value) for name, value in numbers.items()},
                               **{name: f"{value:.2f}" for name, value in counts.items()}))  # fmt: skip
