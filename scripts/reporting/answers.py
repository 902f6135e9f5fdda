"""The answer of a study in one sentence, limited to what intervals and corrected p-values support."""
from .study import watched
from .wording import interval, listing, number, p_value, signed

LEVEL = 0.05  # of the corrected p-values


def excludes_zero(ends):
    """Judged as printed: an interval that reads `.000 to .058` does not."""
    return round(ends[0], 3) > 0 or round(ends[1], 3) < 0


def verdict(comparison):
    """1: a gains; -1: a loses; 0: they cannot be told apart."""
    if not excludes_zero(comparison["interval"]) or round(comparison["p_holm"], 3) >= LEVEL:
        return 0
    return 1 if comparison["interval"][0] > 0 else -1


def change(comparison, preposition):
    size = number(abs(comparison["difference"]))
    return (f"{size} in {comparison['metric']} {preposition} `{comparison['b']}` "
            f"({interval(comparison['interval'])}, {p_value(comparison['p_holm'])})")  # fmt: skip


def no_change(comparison):
    text = f"{signed(comparison['difference'])}, {interval(comparison['interval'])}"
    if excludes_zero(comparison["interval"]):
        text += f", but {p_value(comparison['p_holm'])}"
    return f"`{comparison['b']}` ({text})"


def changes(comparisons):
    """Phrases for what a gains and loses."""
    gains = [change(one, "over") for one in comparisons if verdict(one) > 0]
    losses = [change(one, "against") for one in comparisons if verdict(one) < 0]
    return (["gains " + listing(gains)] if gains else []) + (["loses " + listing(losses)] if losses else [])


def clause(comparisons):
    """A clause about the comparisons of one result with others: by f1, and by jaccard_f1 where its verdict is another."""
    by_f1 = {one["b"]: one for one in comparisons if one["metric"] == "f1"}
    neither = [no_change(one) for one in by_f1.values() if not verdict(one)]
    phrases = changes(by_f1.values())
    phrases += ["cannot be told apart in f1 from " + listing(neither, "or")] if neither else []
    others = changes([one for one in comparisons if one["metric"] == "jaccard_f1" and one["b"] in by_f1
                      and verdict(one) != verdict(by_f1[one["b"]])])  # fmt: skip
    return f"`{comparisons[0]['a']}` {listing(phrases)}" + (f", but {listing(others)}" if others else "")


def compared(study):
    """{(domain, a): the comparisons of a}, where f1 is compared."""
    groups = {}
    for one in study.get("comparisons", []):
        groups.setdefault((one["domain"], one["a"]), []).append(one)
    return {key: group for key, group in groups.items() if any(one["metric"] == "f1" for one in group)}


def conflicts(study):
    """The last cosine of each pair."""
    conflict = watched(study, "conflict")
    found = [f"{signed(pair['cosine'][-1])} for {name}"
             for name, pair in conflict.get("pairs", {}).items() if pair.get("cosine")]  # fmt: skip
    if not found:
        return ""
    return f"at step {conflict['steps'][-1]} the cosine of the two gradients is {listing(found)}"


def told(study):
    """Sentences on whether a session's properties predict which of two results is better."""
    return [f"in the {one['decided']} sessions where `{one['a']}` and `{one['b']}` differ, a session's "
            f"properties predict which is better with an AUC of {number(one['auc'])} (.500 is chance)" for one in study.get("explained", [])]  # fmt: skip


def best(study):
    """The result with the highest f1 in each domain."""
    found = {}
    for name, domains in study.get("results", {}).items():
        for domain, figures in domains.items():
            if domain not in found or figures["f1"] > found[domain][1]["f1"]:
                found[domain] = name, figures
    return [f"the highest f1 in {domain} is {number(figures['f1'])} ({interval(figures['intervals']['f1'])}), of `{name}`"
            for domain, (name, figures) in found.items()]  # fmt: skip


def answer(study):
    groups = compared(study)
    many = len({domain for domain, _ in groups}) > 1
    clauses = [(f"in {domain}, " if many else "") + clause(group) for (domain, _), group in groups.items()]
    clauses += [text for text in [conflicts(study), *told(study)] if text]
    clauses = clauses or [text + ", and no difference is tested" for text in ["; ".join(best(study))] if text]
    text = "; ".join(clauses) or "no figure answers it"
    return text[0].upper() + text[1:] + "."
