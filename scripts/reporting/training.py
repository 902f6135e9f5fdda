"""Training as pictures and tables: losses, learning rates, gradient norms, the router, answers."""
import collections

from .figures import add_legend, figure, heat, lines
from .parts import Table
from .run import label


def by_group(records, name):
    """{what is trained: [(step, value)]} from the records that have that value."""
    series = collections.defaultdict(list)
    for record in records:
        if name in record:
            series[label(record)].append((record["step"], record[name]))
    return series


def router_figures(records, experts):
    routed = [record for record in records if record.get("gates")]
    if not routed:
        return []
    last = routed[-1]
    means = [layer["mean"] for layer in last["gates"]]
    names = experts if len(experts) == len(means[0]) else [f"expert {i}" for i in range(len(means[0]))]

    def histogram(plot, axes):
        for name, weights in zip(names, zip(*means)):
            axes.hist(weights, bins=20, range=(0, 1), histtype="step", label=name)
        axes.set_xlabel("mean weight of a layer")
        axes.set_ylabel("layers")
        add_legend(plot, axes)

    def entropies(plot, axes):
        for name in ("mean_entropy", "entropy_of_mean"):
            axes.plot([layer[name] for layer in last["gates"]], label=name.replace("_", " "))
        axes.set_xlabel("layer")
        axes.set_ylabel("nats")
        add_legend(plot, axes)

    step = f"At step {last['step']}, over that step's inputs."
    return [
        figure("router", "Router in training: mean weight by layer and expert", step,
               lambda plot, axes: heat(plot, axes, means, names=names), (9, 2.4)),
        figure("histogram", "Router in training: histogram of the layers' mean weights", step, histogram),
        figure("entropy", "Router in training: entropy by layer", step + " A low entropy of the mean is collapse; a low mean "
               "entropy beside a high entropy of the mean is confident, diverse routing.", entropies),
    ]  # fmt: skip


def training_table(records):
    columns = ["what", "steps", "first loss", "last loss", "best validation", "tokens", "tokens/s", "peak memory, MiB"]
    rows = []
    for name, losses in by_group(records, "token_loss").items():
        own = [record for record in records if label(record) == name]
        steps = [record for record in own if "token_loss" in record]
        best = min((record["validation_loss"] for record in own if "validation_loss" in record), default=None)
        tokens = sum(record["tokens"] for record in steps)
        seconds = max(sum(record["seconds"] for record in steps), 1e-9)
        rows.append([name, len(steps), f"{losses[0][1]:.4f}", f"{losses[-1][1]:.4f}",
                     "-" if best is None else f"{best:.4f}", f"{tokens:,}", f"{tokens / seconds:,.0f}",
                     f"{max(record['memory_mib'] for record in steps):,.0f}"])  # fmt: skip
    return Table("Training", columns, rows)


def loss_figure(series, validations):
    loss = lines("nats per token", (series, "-", ""), (validations, "o--", ", validation"))
    return figure("loss", "Loss", "Training loss before each step, and validation loss.", loss)


def figures_of(run):
    records = run.records
    if not records:
        return []
    return [
        loss_figure(by_group(records, "token_loss"), by_group(records, "validation_loss")),
        figure("norm", "Gradient norm", "Before clipping.",
               lines("norm", (by_group(records, "grad_norm"), "-", ""), logarithmic=True)),
        figure("rate", "Learning rate", "", lines("step size", (by_group(records, "learning_rate"), "-", ""))),
        figure("speed", "Speed", "", lines("tokens/s", (by_group(records, "tokens_per_s"), "-", ""))),
    ] + router_figures(records, run.experts)  # fmt: skip


def last_answers(records):
    last = {label(record): record["answers"] for record in records if "answers" in record}
    rows = [[name, answer["key"], answer["answer"]] for name, answers in last.items() for answer in answers]
    return Table("Answers at the last validation", ["what", "key", "answer"], rows, prose=True)


def training_parts(run):
    tables = [table for table in (training_table(run.records), last_answers(run.records)) if table.rows]
    return [*tables[:1], *figures_of(run), *tables[1:]]


def training_warnings(run):
    return [f"{label(record)}, step {record['step']}: {record['warning']}" for record in run.records if "warning" in record]
