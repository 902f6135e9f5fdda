"""Several runs side by side: systems, differing settings, losses and costs."""
from .evaluation import dots, name_lines
from .figures import COLOURS, figure, legend_below
from .page import render
from .parts import Table
from .run import unlike_names
from .run_page import date_of, duration, lead, seconds_of, warnings
from .training import by_group, loss_figure
from .wording import interval, number

PLACES = ("run.dir", "run.store")  # always differ, and do not affect results


def systems_of(runs):
    """The systems of all runs, in order."""
    return list(dict.fromkeys(name for run in runs for name in run.usual))


def with_terms(runs, names):
    """`demo: 18 sessions, vote of 4 candidates`."""
    return [f"{name}: {run.terms}" if run.terms else name for run, name in zip(runs, names)]


def systems_figure(runs, names):
    systems, names = systems_of(runs), with_terms(runs, names)
    metrics = {run.metric for run in runs if run.usual}
    if len(metrics) != 1:  # no evaluation, or of bundles and of a task
        return None
    (metric,) = metrics

    def draw(plot, axes):
        for i, (run, name) in enumerate(zip(runs, names)):
            for place, system in enumerate(systems):
                if system in run.usual:
                    offset = place + 0.6 * ((i + 0.5) / len(runs) - 0.5)
                    dots(axes, [system], [run.usual[system]], metric, offset, color=COLOURS[i % len(COLOURS)],
                         **({} if place else {"label": name}))  # fmt: skip
            if run.usual and systems[0] not in run.usual:
                axes.errorbar([], [], fmt="o", color=COLOURS[i % len(COLOURS)], label=name)
        name_lines(axes, systems, metric)
        legend_below(plot, [axes])

    return figure("systems", f"{metric} of each system in each run", "Bars are 95 % intervals within the run.", draw,
                  (9, 1.6 + (0.22 + 0.14 * len(runs)) * len(systems)))  # fmt: skip


def systems_table(runs, names):
    rows = []
    for system in systems_of(runs):
        figures = [run.usual.get(system) for run in runs]
        rows.append([system, *(f"{number(one[run.metric])} ({interval(one['intervals'][run.metric])})" if one else "-"
                               for run, one in zip(runs, figures))])  # fmt: skip
    metrics = " or ".join(sorted({run.metric for run in runs if run.usual}))
    return Table(f"{metrics}, 95 %", ["system", *with_terms(runs, names)], rows,
                 "Each run by itself: no difference between runs is tested here; studies do (docs/experiments.md).")  # fmt: skip


def settings_table(runs, names):
    """The settings that differ."""
    every = list(dict.fromkeys(setting for run in runs for setting in run.settings))
    rows = []
    for setting in every:
        values = [run.settings.get(setting, "-") for run in runs]
        if len(set(values)) > 1 and setting not in PLACES:
            rows.append([setting, *values])
    return Table("Settings that differ", ["setting", *names], rows, prose=True)


def costs_table(runs, names):
    rows = [[name, date_of(run) or "-", duration(seconds_of(run)),
             f"{max((step.get('peak_memory_mib', 0) for step in run.steps), default=0):,.0f}"]
            for run, name in zip(runs, names)]  # fmt: skip
    return Table("Costs", ["run", "date", "duration", "peak memory, MiB"], rows)


def losses(runs, names):
    """The losses of each training of each run."""
    series, validations = {}, {}
    for run, name in zip(runs, names):
        series |= {f"{name}: {what}": points for what, points in by_group(run.records, "token_loss").items()}
        validations |= {f"{name}: {what}": points for what, points in by_group(run.records, "validation_loss").items()}
    return loss_figure(series, validations) if series else None


def runs_page(runs):
    names = unlike_names(runs)
    tables = [table for table in (systems_table(runs, names), settings_table(runs, names)) if table.rows]
    parts = [systems_figure(runs, names), *tables, losses(runs, names), costs_table(runs, names)]
    found = [f"{name}: {warning}" for run, name in zip(runs, names) for warning in warnings(run)]
    return render("Runs " + ", ".join(names), [part for part in parts if part], found,
                  made="; ".join(f"{name}: {lead(run)}" for run, name in zip(runs, names)))  # fmt: skip
