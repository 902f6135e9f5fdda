"""The page of a run: the results of its evaluation, then its training, then its settings."""
from .evaluation import evaluation_parts
from .page import render
from .parts import Table, Verbatim
from .run import choice_of, named
from .training import training_parts, training_warnings
from .wording import day, interval, listing, number


def seconds_of(run):
    return sum(step.get("seconds", 0) for step in run.steps)


def duration(seconds):
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def data_of(run):
    settings = run.settings
    if settings.get("data.examples"):
        return settings["data.examples"]
    results = run.results
    domain = results.get("domain") or settings.get("data.domain", "")
    return f"{domain}, {results['sessions']} sessions of the {results['split']} split" if "split" in results else domain


def date_of(run):
    ended = [step["ended"][:10] for step in run.steps if step.get("ended")]
    return day(max(ended)) if ended else ""


def lead(run):
    """Data, model, date and duration in one line."""
    model = run.settings.get("model.path", "").rstrip("/").rpartition("/")[2]
    parts = [data_of(run), f"`{model}`" if model else "", date_of(run), duration(seconds_of(run)) if run.steps else ""]
    return "; ".join(part for part in parts if part)


def best_of(results, metric="f1"):
    """-> the names of the highest f1 or lowest loss as shown, and that value with its interval if only one has it."""
    choose = min if metric == "loss" else max
    value = choose(round(figures[metric], 3) for figures in results.values())
    best = [name for name, figures in results.items() if round(figures[metric], 3) == value]
    ends = f" ({interval(results[best[0]]['intervals'][metric])})" if len(best) == 1 else ""
    return best, number(value) + ends


def in_code(names):
    return listing(f"`{name}`" for name in names)


def answer(run):
    """The best systems under the usual choice beside the best baselines, and the best result of any other choice."""
    learnt = {name: figures for name, figures in run.systems.items() if not figures.get("baseline")}
    usual = {name: figures for name, figures in run.usual.items() if name in learnt}
    baselines = {name: figures for name, figures in run.usual.items() if figures.get("baseline")}
    if not usual:
        return ""
    if run.metric == "loss":
        best, loss = best_of(run.usual, run.metric)
        return f"{in_code(best)} {'have' if best[1:] else 'has'} the lowest loss of the systems, {loss}."
    best, f1 = best_of(usual)
    systems = [usual[name].get("system", name) for name in best]
    text = f"{in_code(systems)} {'have' if best[1:] else 'has'} the highest f1 of the systems, {f1}"
    text = f"By {run.choice}, {text}" if run.choice else text
    if baselines:
        names, f1 = best_of(baselines)
        text += f"; the best baseline{'s' if names[1:] else ''}, {in_code(names)}, {'have' if names[1:] else 'has'} {f1}"
    others, f1 = best_of(learnt)
    if not set(others) & set(usual):
        results = [f"`{learnt[name].get('system', name)}` by {choice_of(learnt[name])}" for name in others]
        text += f". Under any rule and number of candidates the highest is {f1}, of {listing(results)}"
    return text + "."


def warnings(run):
    found = [f"{named(name, figures)}: {warning}" for name, figures in run.systems.items() for warning in figures.get("warnings", [])]
    return found + training_warnings(run)


def commands(run):
    return list(dict.fromkeys(step["command"] for step in run.steps if step.get("command")))


def how_made(run):
    """Command, data, model, date, duration, versions, as far as known."""
    versions = (run.steps[-1] if run.steps else {}).get("versions", {})
    settings = run.settings
    facts = [("command", listing((f"`{command}`" for command in commands(run)), "then") if commands(run) else ""),
             ("data", f"`{settings['data.dir']}`" if settings.get("data.dir") else ""),
             ("model", f"`{settings['model.path']}`" if settings.get("model.path") else ""), ("date", date_of(run)),
             ("duration", f"{duration(seconds_of(run))}, {len(run.steps)} steps" if run.steps else ""),
             ("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))]  # fmt: skip
    return "; ".join(f"{name} {value}" for name, value in facts if value)


def steps_table(run):
    rows = [[step.get("step", "-"), step.get("ended", "-"), f"{step.get('seconds', 0):,.1f}", f"{step.get('peak_memory_mib', 0):,.0f}"]
            for step in run.steps]  # fmt: skip
    return Table("Steps", ["step", "ended", "seconds", "peak memory, MiB"], rows)


def run_page(run):
    parts = evaluation_parts(run) + training_parts(run)
    parts += [table for table in [steps_table(run)] if table.rows]
    settings = run.settings_text
    parts += [Verbatim("Settings", settings)] if settings else []
    return render(f"Run {run.name}", parts, warnings(run), answer(run), how_made(run), lead(run))
