"""An evaluation as pictures and tables: systems with intervals, f1 by candidates, the router, errors."""
import collections

from .figures import COLOURS, GREY, errors, figure, heat, legend_below, look, wrapped
from .parts import Session, Sessions, Table
from .run import rule_of
from .wording import interval, number, p_value

SHOWN_SESSIONS = 10
MOST_LENGTHS = 12  # columns of a table


def results_table(run):
    """One row per result; p-values where there are comparisons."""
    others = ["jaccard_f1", "precision_all", "recall_distinct_all"]
    against = {one["a"]: one["f1"]["p_value"] for one in run.results.get("against_backbone", [])}
    rows = []
    for name, figures in run.systems.items():
        row = [figures.get("system", name), rule_of(figures) or "-", figures.get("samples", "-"), number(figures["f1"]),
               interval(figures["intervals"]["f1"]), *(number(figures[metric]) for metric in others)]  # fmt: skip
        if against:
            row.append(p_value(against[name]).removeprefix("p ") if name in against else "-")
        rows.append(row)
    text = ("n: candidates. f1: of precision_all and recall_distinct_all in each session, where a predicted bundle is a hit if it "
            "lies within a gold bundle.")  # fmt: skip
    if against:
        text += (" p: of the difference in f1 to the backbone under the same rule, by a paired bootstrap over sessions, not "
                 "corrected for how many are shown.")  # fmt: skip
    return Table("All results", ["system", "rule", "n", "f1", "f1, 95 %", *others, *(["p against backbone"] if against else [])],
                 rows, text)  # fmt: skip


def dots(axes, names, figures, metric, offset=0.0, **style):
    """The metric of each with its interval, one line per name, from the top."""
    values = [one[metric] for one in figures]
    bars = errors(values, [one["intervals"][metric] for one in figures])
    axes.errorbar(values, [place + offset for place in range(len(names))], xerr=bars, fmt="o", capsize=3, **style)


def name_lines(axes, names, metric):
    axes.set_yticks(range(len(names)), [wrapped(axes.figure, name, 20) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(metric)
    axes.grid(axis="y", visible=False)


def systems_figure(run):
    best_first = 1 if run.metric == "loss" else -1
    names = sorted(run.usual, key=lambda name: best_first * run.usual[name][run.metric])
    if not names:
        return None
    random = run.results.get("random_model", {}).get("f1")

    def draw(_, axes):
        for place, name in enumerate(names):
            figures = run.usual[name]
            dots(axes, [name], [figures], run.metric, place, color=GREY if figures.get("baseline") else COLOURS[0])
        name_lines(axes, names, run.metric)
        if random is not None:
            axes.axvline(random, linestyle=":", color=COLOURS[1])
            axes.annotate("random answers", (random, 1), xycoords=("data", "axes fraction"), xytext=(3, 2), fontsize=8,
                          textcoords="offset points", color=COLOURS[1], annotation_clip=False)  # fmt: skip

    asked, baselines = ("lines", "") if run.metric == "loss" else ("sessions", ", grey are baselines")
    return figure("systems", f"{run.metric} of each system",
                  f"Bars are 95 % intervals over {asked}{baselines}{run.choice and f'; answers by {run.choice}'}.",
                  draw, (9, 1.2 + 0.32 * len(names)))  # fmt: skip


def samples_figure(run):
    series = collections.defaultdict(dict)
    for name, figures in run.systems.items():
        if "samples" in figures:
            series[rule_of(figures) or "-", figures["system"]][figures["samples"]] = figures
    series = {key: dict(sorted(own.items())) for key, own in series.items() if len(own) > 1}
    if not series:
        return None
    rules = list(dict.fromkeys(rule for rule, _ in series))
    systems = list(dict.fromkeys(system for _, system in series))
    counts = sorted({count for own in series.values() for count in own})

    def draw(plot, _):
        first = plot.axes[0]
        for axes, rule in zip(plot.axes, rules):
            if axes is not first:
                axes.sharey(first)  # before anything is drawn: the limits are those of all panels
            for (own_rule, system), own in series.items():
                if own_rule == rule:
                    shift = 1 + 0.03 * (systems.index(system) - len(systems) / 2)
                    values = [figures["f1"] for figures in own.values()]
                    bars = errors(values, [figures["intervals"]["f1"] for figures in own.values()])
                    axes.errorbar([count * shift for count in own], values, bars, label=system, elinewidth=0.7,
                                  **look(systems.index(system)))  # fmt: skip
            axes.set_title(rule, fontsize=9)
            axes.set_xscale("log", base=2)
            axes.set_xticks(counts, map(str, counts))
            axes.minorticks_off()
            axes.set_xlabel("candidates")
            axes.set_ylabel("f1")
        legend_below(plot, plot.axes)

    return figure("samples", "f1 by the number of candidates", "Bars are 95 % intervals.", draw,
                  (max(3.6 * len(rules), 6), 4.2), (1, len(rules)))  # fmt: skip


def router_figure(run):
    routed = {name: [layer["mean"] for layer in figures["routing"]]
              for name, figures in run.systems.items() if figures.get("routing")}  # fmt: skip
    routed = {name: means for name, means in routed.items() if any(len(set(layer)) > 1 for layer in means)}
    if not routed:
        return None

    def draw(plot, _):
        for axes, (name, means) in zip(list(plot.axes), routed.items()):
            heat(plot, axes, means, name, run.experts if len(run.experts) == len(means[0]) else None)

    return figure("routing", "The router: mean weight by layer and expert", "Over the evaluated sessions.", draw,
                  (9, 2.4 * len(routed)), (len(routed), 1))  # fmt: skip


def as_sets(bundles):
    """An answer as the metrics use it: its bundles of at least two items."""
    return {frozenset(bundle) for bundle in bundles or [] if len(set(bundle)) > 1}


OUTCOMES = ["right", "another candidate was right", "in part", "no hit", "no bundle", "unparsed"]


def outcome(gold, bundles, candidates):
    """The first of OUTCOMES that applies to a session."""
    wanted, found = as_sets(gold), as_sets(bundles)
    if bundles is None:
        return "unparsed"
    if found == wanted:
        return "right"
    if any(as_sets(candidate) == wanted for candidate in candidates if candidate is not None):
        return "another candidate was right"
    if not found:
        return "no bundle"
    return "in part" if any(one <= whole for one in found for whole in wanted) else "no hit"


def outcomes_table(run):
    """One row per system with the usual choice: how many sessions had which outcome."""
    rows = []
    for name in run.usual:
        answers = run.answers(name)
        counts = collections.Counter(outcome(one["gold"], *answers[one["session"]])
                                     for one in run.sessions if one["session"] in answers)  # fmt: skip
        if counts:
            rows.append([name, *(counts[kind] for kind in OUTCOMES)])
    return Table("Where it went wrong", ["system", *OUTCOMES], rows,
                 "Sessions by what was answered. Right: exactly the gold bundles. Another candidate was right: the rule chose "
                 "wrongly. In part: some bundle lies within a gold bundle.")  # fmt: skip


def ranges(lengths):
    """Equal shares of the sorted lengths, each (first, last); one of each length while they are few."""
    share = -(-len(lengths) // MOST_LENGTHS) or 1
    return [(lengths[i], lengths[i:i + share][-1]) for i in range(0, len(lengths), share)]


def lengths_table(run):
    """Mean f1 by the number of items, one row per system."""
    sizes = [len(one["items"]) for one in run.sessions]
    lengths = ranges(sorted(set(sizes)))
    rows = []
    for name in run.usual:
        f1 = run.f1_by_session(name)
        if len(f1) == len(run.sessions):
            means = ([value for value, size in zip(f1, sizes) if low <= size <= high] for low, high in lengths)
            rows.append([name, *(number(sum(own) / len(own)) for own in means)])
    counts = [sum(low <= size <= high for size in sizes) for low, high in lengths]
    names = [str(low) if low == high else f"{low} to {high}" for low, high in lengths]
    columns = ["system", *(f"{name} items ({count})" for name, count in zip(names, counts))]
    return Table("f1 by the number of items", columns, rows, "In parentheses: how many sessions.")


def in_numbers(items, bundles):
    """Bundles as the numbers of their products in the list: `1 2, 3 4`."""
    if bundles is None:
        return "unparsed"
    place = {item: str(i + 1) for i, item in enumerate(items)}
    named = (" ".join(sorted((place.get(item, "?") for item in bundle), key=lambda text: (len(text), text))) for bundle in bundles)
    return ", ".join(sorted(named)) or "no bundle"


def counted_candidates(items, candidates):
    counts = collections.Counter(in_numbers(items, candidate) for candidate in candidates)
    return "; ".join(f"{text} ({count} of {len(candidates)})" for text, count in counts.most_common(6))


def sessions_part(run):
    """Ten sessions, from the worst to the best of the best system, with the answers of every system."""
    f1 = run.f1_by_session(run.best) if run.best else []
    if not run.sessions or len(f1) != len(run.sessions):
        return None
    answers = {name: run.answers(name) for name, figures in run.usual.items() if not figures.get("baseline")}
    order = sorted(range(len(f1)), key=lambda place: (f1[place], run.sessions[place]["session"]))
    count = min(SHOWN_SESSIONS, len(order))
    shown = [order[i * (len(order) - 1) // max(count - 1, 1)] for i in range(count)]
    blocks = []
    for place in shown:
        one = run.sessions[place]
        rows = [["gold", in_numbers(one["items"], one["gold"]), ""]]
        for name, own in answers.items():
            if one["session"] in own:
                bundles, candidates = own[one["session"]]
                rows.append([name, in_numbers(one["items"], bundles), outcome(one["gold"], bundles, candidates)])
        candidates = answers[run.best].get(one["session"], ((), ()))[1]
        text = f"Candidates of {run.best}: {counted_candidates(one['items'], candidates)}." if candidates else ""
        blocks.append(Session(f"Session {one['session']}, f1 {number(f1[place])}", one["titles"], rows, text))
    return Sessions("Ten sessions" if count == SHOWN_SESSIONS else "Sessions",
                    f"From the worst f1 of `{run.best}` to its best. Bundles are sets of the numbers in the list. A bundle that lies within "
                    "a gold bundle is a full hit of f1, so an answer that is right in part can have an f1 of 1.", blocks)  # fmt: skip


def task_table(run):
    """One row per result of a task of one's own."""
    metrics = [name for name in ("loss", "perplexity", "exact_match", "rouge_l") if any(name in one for one in run.systems.values())]
    rows = [[figures.get("system", name), figures.get("choice", "-"), figures.get("samples", "-"),
             *(number(figures[metric]) if metric in figures else "-" for metric in metrics),
             interval(figures["intervals"]["loss"])] for name, figures in run.systems.items()]  # fmt: skip
    return Table("All results", ["system", "choice", "n", *metrics, "loss, 95 %"], rows,
                 "n: generated answers. loss: nats per token of the reference answer. exact_match and rouge_l: of the generated "
                 "answer that the choice takes.")  # fmt: skip


def evaluation_parts(run):
    """The parts of an evaluation, results first."""
    if not run.systems:
        return []
    if run.metric == "loss":
        return [systems_figure(run), task_table(run)]
    tables = [outcomes_table(run), lengths_table(run)]
    parts = [systems_figure(run), samples_figure(run), router_figure(run), results_table(run),
             *(table for table in tables if table.rows), sessions_part(run)]  # fmt: skip
    return [part for part in parts if part]
