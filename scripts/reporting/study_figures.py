"""The pictures of a study, each only if the study has its data."""
from .figures import errors, figure, heat, is_narrow, legend_below, lines, look, wrapped
from .study import place, place_title, seed_note, shown, watched, watched_note


def by_place(study, systems):
    """{title of a panel: its systems}"""
    groups = {}
    for one in systems:
        groups.setdefault(place_title(study, place(one.point)), []).append(one)
    return groups


def router(study):
    routed = {}
    for one in shown(study):
        if one.system.split()[0] == "dynamic" and one.facts.get("routing"):
            routed.setdefault(place_title(study, place(one.point)), [layer["mean"] for layer in one.facts["routing"]])
    if not routed:
        return None

    def draw(plot, _):
        for axes, (title, means) in zip(list(plot.axes), routed.items()):
            heat(plot, axes, means, title)

    return figure("router", "Router: mean weight by layer and expert",
                  "Over the evaluated sessions." + seed_note(study, "Weights"), draw,
                  (9, 2.4 * len(routed)), (len(routed), 1))  # fmt: skip


def draw_accuracy(axes, systems, rules):
    """f1 over the number of samples, one line per rule; error bars side by side."""
    for i, rule in enumerate(rules):
        own = sorted((one for one in systems if one.rule == rule), key=lambda one: one.facts["samples"])
        numbers = [one.facts["samples"] * (1 + 0.04 * (i - len(rules) / 2)) for one in own]
        values = [one.metrics["f1"] for one in own]
        bars = errors(values, [one.metrics["intervals"]["f1"] for one in own])
        axes.errorbar(numbers, values, bars, label=rule, elinewidth=0.7, **look(i))


def draw_overlap(axes, panels):
    for i, (title, systems) in enumerate(panels.items()):
        points = {one.facts["samples"]: one.facts["overlap"]["equality"] for one in systems if one.facts.get("overlap")}
        if points:
            axes.plot(*zip(*sorted(points.items())), label=title, **look(i))
    axes.set_title("overlap", fontsize=9)
    axes.set_ylabel("pairs of candidates that are equal")
    if len(panels) > 1:
        axes.legend()


def of_several_samples(study):
    """The systems with more than one number of samples, and these numbers."""
    counted = [one for one in shown(study) if one.metrics and one.facts.get("samples")]
    numbers = {}
    for one in counted:
        numbers.setdefault((place(one.point), one.rule), set()).add(one.facts["samples"])
    several = [one for one in counted if len(numbers[place(one.point), one.rule]) > 1]
    return several, sorted({one.facts["samples"] for one in several})


def samples(study):
    several, numbers = of_several_samples(study)
    if not several:
        return None
    panels = by_place(study, several)
    rules = list(dict.fromkeys(one.rule for one in several))

    def draw(plot, first):
        for axes, (title, systems) in zip(plot.axes, panels.items()):
            draw_accuracy(axes, systems, rules)
            axes.set_title(title, fontsize=9)
            axes.set_ylabel("f1")
            if axes is not first:
                axes.sharey(first)
        draw_overlap(plot.axes[-1], panels)
        for axes in plot.axes:
            axes.set_xscale("log", base=2)
            axes.set_xticks(numbers, map(str, numbers))
            axes.set_xlabel("samples")
        legend_below(plot, plot.axes[:-1])

    return figure("samples", "Accuracy and overlap by the number of samples",
                  "Bars are 95 % intervals." + seed_note(study, "Overlap"), draw,
                  (3.6 * (len(panels) + 1), 4.5), (1, len(panels) + 1))  # fmt: skip


def ablation(study):
    found = [one for one in study.get("comparisons", []) if "ablate:" in one["b"] and one["metric"] == "f1"]
    if not found:
        return None

    def draw(plot, axes):
        labels = [wrapped(plot, place_title(study, (one["b"], one["domain"])), 20) for one in found]
        values = [one["difference"] for one in found]
        axes.barh(labels, values, height=0.5, alpha=0.7)
        axes.errorbar(values, labels, xerr=errors(values, [one["interval"] for one in found]), fmt="none",
                      ecolor=look(1)["color"], capsize=4)  # fmt: skip
        axes.axvline(0, color=axes.spines["left"].get_edgecolor(), linewidth=1)
        axes.invert_yaxis()
        axes.set_xlabel("f1 of the whole mixture minus f1 without the expert")

    return figure("ablation", "What is lost without one expert", "Bars are 95 % intervals, paired over sessions.", draw,
                  (9, 1.2 + 0.5 * len(found)))  # fmt: skip


def conflict(study):
    found = watched(study, "conflict")
    pairs = found.get("pairs", {})
    series = {name: list(zip(found["steps"], pair["cosine"])) for name, pair in pairs.items() if pair.get("cosine")}
    if not series:
        return None
    return figure("conflict", "Cosine of gradients by step",
                  "Of the gradients of two kinds of input: below 0 they oppose each other." +
                  watched_note(study, "conflict"),
                  lines("cosine", (series, "o-", "")))  # fmt: skip


def calibration(study):
    found = [one for one in shown(study) if (one.facts.get("calibration") or {}).get("bins")]
    most = max((one.facts.get("samples", 0) for one in found), default=0)
    found = [one for one in found if one.facts.get("samples", 0) == most]
    if not found:
        return None
    panels, rules = by_place(study, found), list(dict.fromkeys(one.rule for one in found))

    def draw(plot, _):
        for axes, (title, systems) in zip(plot.axes, panels.items()):
            axes.plot([0, 1], [0, 1], ":", color=axes.spines["left"].get_edgecolor())
            for one in systems:
                bins = [(each["share"], each["hit"]) for each in one.facts["calibration"]["bins"] if each["answers"]]
                axes.plot(*zip(*bins), label=one.rule, **look(rules.index(one.rule)))
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("share of the votes")
            axes.set_ylabel("share that is exactly right")
        legend_below(plot, plot.axes)

    return figure("calibration", "Reliability of the vote share",
                  f"Answers of {most} samples in bins of the share; on the dotted line it is the share of right answers."
                  + seed_note(study, "Answers"), draw, (max(4.5 * len(panels), 7), 4.8), (1, len(panels)))  # fmt: skip


def cost(study):
    timed = {}
    for one in shown(study):
        if one.metrics and one.facts.get("seconds"):
            timed.setdefault((place(one.point), one.system.split()[0]), one)
    if len(timed) < 3:  # not a frontier
        return None

    def draw(plot, axes):
        for i, one in enumerate(timed.values()):
            f1, seconds = one.metrics["f1"], one.facts["seconds"] / one.metrics["sessions"]
            bars = errors([f1], [one.metrics["intervals"]["f1"]])
            label = place_title(study, (one.name, one.point["domain"]))
            axes.errorbar(seconds, f1, bars, label=label, linestyle="none", elinewidth=0.8, **look(i))
        axes.set_xlabel("seconds a session")
        axes.set_ylabel("f1")
        axes.set_xlim(left=0)
        if is_narrow(plot):
            legend_below(plot, [axes])
        else:
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return figure("cost", "Accuracy and time", "Bars are 95 % intervals." + seed_note(study, "Seconds"),
                  draw, (9, 4.2))  # fmt: skip


def losses(study):
    trainings = {}
    for point in study.get("points") or []:
        for step, own in point.get("losses", {}).items():
            trainings.setdefault(" ".join(filter(None, (place_title(study, place(point)), step))), own)
    trainings = {title: own for title, own in trainings.items() if own.get("train")}
    if not trainings:
        return None
    train = {title: own["train"] for title, own in trainings.items()}
    validation = {title: own["validation"] for title, own in trainings.items() if own.get("validation")}
    return figure("losses", "Training and validation loss", "By training step." + seed_note(study, "Losses"),
                  lines("loss", (train, "-", ""), (validation, "o--", ", validation")))  # fmt: skip


def probe(study):
    traits = watched(study, "probe").get("r2", {})
    if not traits:
        return None
    series = {name.replace("_", " "): list(enumerate(values)) for name, values in traits.items()}
    return figure("probe", "What a linear probe reads in the router's input",
                  "Share of a trait's variance over the sessions that a cross-validated ridge regression on the pooled hidden "
                  "state foretells, by layer; below 0 it foretells nothing." + watched_note(study, "probe"),
                  lines("share of variance", (series, "-", ""), across="layer"))  # fmt: skip


PICTURES = [router, losses, probe, samples, ablation, conflict, calibration, cost]


def pictures(study, without=()):
    """All pictures except those named in `without`."""
    found = [make(study) for make in PICTURES if make.__name__ not in without]
    return [picture for picture in found if picture]
