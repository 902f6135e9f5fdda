"""The tables of a study."""
from .parts import Table
from .study import domains, results, shown, watched, watched_note
from .wording import interval, number, p_value, signed


def divided(study, domain):
    """A cell with the domain, if the study has several."""
    return [domain] if len(domains(study)) > 1 else []


def results_table(study):
    others = ["jaccard_f1", "precision_all", "recall_distinct_all"]
    rows = [[name, *divided(study, domain), metrics["sessions"], number(metrics["f1"]), interval(metrics["intervals"]["f1"]),
             *(number(metrics[metric]) for metric in others)] for name, domain, metrics in results(study)]  # fmt: skip
    return Table("Results", ["result", *divided(study, "domain"), "sessions", "f1", "f1, 95 %", *others], rows)


def comparisons_table(study):
    columns = ["a", "b", *divided(study, "domain"), "metric", "a - b", "95 %", "p (Holm)"]
    rows = [[one["a"], one["b"], *divided(study, one["domain"]), one["metric"], signed(one["difference"]),
             interval(one["interval"]), p_value(one["p_holm"]).removeprefix("p ")]
            for one in study.get("comparisons", [])]  # fmt: skip
    return Table("Comparisons", columns, rows)


def named_columns(dicts):
    return list(dict.fromkeys(name for one in dicts for name in one))


def explained_table(study):
    explained = study.get("explained", [])
    properties = named_columns(one["coefficients"] for one in explained)
    columns = ["a", "b", *divided(study, "domain"), "sessions", "decided", "a is better", "accuracy", "AUC", *properties]
    rows = [[one["a"], one["b"], *divided(study, one["domain"]), one["sessions"], one["decided"],
             *(number(one[name]) for name in ("share_a_better", "accuracy", "auc")),
             *(signed(one["coefficients"].get(name)) for name in properties)]
            for one in explained]  # fmt: skip
    return Table("Where a is better than b", columns, rows,
                 "Coefficients of a logistic regression over the sessions where the two differ, and how well it predicts, "
                 "cross-validated, where a is better (accuracy and AUC; an AUC of .500 is chance).")  # fmt: skip


def alpha_table(study):
    found = [one for one in shown(study) if one.facts.get("alpha_with")]
    properties = named_columns(one.facts["alpha_with"] for one in found)
    rows = []
    for one in found:
        experts = max(len(values) for values in one.facts["alpha_with"].values())
        for expert in range(experts):
            correlations = [one.facts["alpha_with"].get(name, [None] * experts)[expert] for name in properties]
            rows.append([one.name, *divided(study, one.point["domain"]), expert, *map(signed, correlations)])
    return Table("What an expert's weight correlates with", ["result", *divided(study, "domain"), "expert", *properties], rows,
                 "Rank correlation over sessions; experts in the order of `experts`.")  # fmt: skip


def mean(values):
    return sum(values) / len(values)


def routing_table(study):
    rows = []
    for one in shown(study):
        layers = one.facts.get("routing") or []
        if layers:
            of_mean, each = (mean([layer[name] for layer in layers]) for name in ("entropy_of_mean", "mean_entropy"))
            variance = mean([mean(layer["variance"]) for layer in layers])
            shares = (mean([layer[name] for layer in layers]) for name in ("near_uniform", "collapsed"))
            weights = [mean(values) for values in zip(*(layer["mean"] for layer in layers))]
            rows.append([one.name, *divided(study, one.point["domain"]), " / ".join(map(number, weights)), f"{variance:.5f}",
                         number(of_mean), number(each), f"{of_mean - each:.5f}", *map(number, shares)])  # fmt: skip
    columns = ["result", *divided(study, "domain"), "mean weights", "variance", "H(mean)", "mean H", "difference",
               "near uniform", "collapsed"]  # fmt: skip
    return Table("Routing, means over layers", columns, rows,
                 "Weights in the order of `experts`; variance over sessions; entropies in nats. The difference of the two entropies "
                 "measures how much the weights vary between sessions. Near uniform: share of sessions with every weight within .02 "
                 "of 1/K; collapsed: with one weight above .9.")  # fmt: skip


def by_linear(title, text, figures):
    """One row per pair of `figures`, {pair: {linear: cosine}}."""
    linears = named_columns(figures.values())
    rows = [[pair, *(signed(values.get(name)) for name in linears)] for pair, values in figures.items()]
    return Table(title, ["pair", *linears], rows, text)


def conflict_tables(study):
    conflict = watched(study, "conflict")
    pairs = {pair: values["by_linear"] for pair, values in conflict.get("pairs", {}).items() if "by_linear" in values}
    return [
        by_linear("Gradients by linear", "Cosine of the gradients of two kinds of input, mean over the steps." + watched_note(study, "conflict"), pairs),
        by_linear("Parameters by linear", "Cosine of the parameters of two experts.", conflict.get("parameters", {})),
    ]


def costs_table(study):
    """Each step once, even if several points use it."""
    steps = {step["key"]: step for point in study.get("points") or [] for step in point.get("steps", [])}
    trained = any("trained_parameters" in step for step in steps.values())
    columns = ["step", "key", "seconds", "peak memory, MiB", *(["trained parameters"] if trained else [])]
    rows = [[step["step"], key, f"{step['seconds']:,.1f}", f"{step['peak_memory_mib']:,.0f}",
             *([f"{step['trained_parameters']:,}" if step.get("trained_parameters") else ""] if trained else [])]
            for key, step in steps.items()]  # fmt: skip
    total = sum(step["seconds"] for step in steps.values())
    return Table("Costs of the steps", columns, rows, f"{len(steps)} steps, {total:,.0f} s in all.")


def tables(study):
    """The tables of results, without the costs."""
    found = [results_table(study), comparisons_table(study), explained_table(study), routing_table(study),
             alpha_table(study)]  # fmt: skip
    found += conflict_tables(study)
    return [table for table in found if table.rows]
