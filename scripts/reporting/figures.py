"""SVG pictures for light and dark backgrounds; the same data and matplotlib version give the same bytes."""
import io
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from .parts import Picture  # noqa: E402

GREY = "#797979"  # equal contrast with white and with #0d1117: 4.3
# Each has a contrast of at least 3.8 with both backgrounds.
COLOURS = ["#2f7fd1", "#d2601a", "#2c9152", "#a45bd0", "#94780f", "#c9476b", "#128f98", "#8a6a4f"]
MARKERS = "osD^vPX*"
NARROW = 4  # inches, about a phone: what is drawn for 9 would have letters of 5 pixels there
MOST_INSIDE = 6  # entries of a legend within the axes; more would cover the lines
LEAST_HEIGHT = 2.2  # inches besides a legend below
matplotlib.rcParams.update({
    "svg.hashsalt": "routedk", "svg.fonttype": "none", "savefig.transparent": True, "legend.frameon": False,
    "legend.fontsize": 9, "axes.prop_cycle": matplotlib.cycler(color=COLOURS), "axes.grid": True, "grid.alpha": 0.25,
    "axes.spines.top": False, "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), GREY),
})  # fmt: skip


def figure(name, title, text, draw, size=(9, 3.6), grid=(1, 1)):
    """Calls draw(plot, axes); in a grid, axes is the first, and all are in plot.axes. Drawn narrow, a grid is one column."""
    narrow = (NARROW, size[1] if grid[1] == 1 else 3.2 * grid[1])
    return Picture(name, title, text, drawn(draw, size, grid), lambda: drawn(draw, narrow, (grid[0] * grid[1], 1)))


def drawn(draw, size, grid):
    """-> SVG."""
    plot, _ = plt.subplots(*grid, figsize=size, layout="constrained", squeeze=False)
    draw(plot, plot.axes[0])
    for axes in plot.axes:
        axes.set(xlabel=wrapped(plot, axes.get_xlabel(), 32), ylabel=wrapped(plot, axes.get_ylabel(), 24))
        axes.title.set_text(wrapped(plot, axes.get_title(), 40))
    out = io.StringIO()
    plot.savefig(out, format="svg", metadata={"Date": None})
    plt.close(plot)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def is_narrow(plot):
    return plot.get_figwidth() <= NARROW


def wrapped(plot, text, letters):
    """In a narrow picture, in lines of at most so many letters."""
    return "\n".join(textwrap.fill(line, letters) for line in text.split("\n")) if is_narrow(plot) else text


def look(i):
    """Colour and marker of series i; each repeats, but not the pair."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)], "markersize": 5}


def errors(values, intervals):
    """The lengths of error bars below and above."""
    return [[max(value - low, 0) for value, (low, _) in zip(values, intervals)],
            [max(high - value, 0) for value, (_, high) in zip(values, intervals)]]  # fmt: skip


def legend_below(plot, axes):
    """One legend for the panels `axes`, below their content, in the columns that fit; a long one makes the picture higher."""
    shown = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels())}
    labels = [textwrap.fill(label, int(11 * plot.get_figwidth()) - 6) for label in shown]
    for columns in (3 if max(map(len, shown), default=0) < 36 else 2, 2, 1):
        legend = plot.legend(shown.values(), labels, loc="outside lower center", ncols=columns)
        box = legend.get_window_extent()
        if box.width <= plot.bbox.width or columns == 1:
            break
        legend.remove()
    plot.set_figheight(max(plot.get_figheight(), box.height / plot.dpi + LEAST_HEIGHT))


def add_legend(plot, axes):
    """Within the axes where it leaves the lines free."""
    if is_narrow(plot) or len(axes.get_legend_handles_labels()[1]) > MOST_INSIDE:
        legend_below(plot, [axes])
    else:
        axes.legend()


def whole_numbers(axis):
    axis.get_major_locator().set_params(integer=True)


def lines(label, *series, across="optimiser step", logarithmic=False):
    """Draws each (series, style, label suffix) over `across`, each group in one colour."""

    def draw(plot, axes):
        colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(series[0][0])}
        for points_of, style, suffix in series:
            for name, points in points_of.items():
                axes.plot(*zip(*points), style, color=colours[name], label=name + suffix, markersize=5)
        axes.set_xlabel(across)
        axes.set_ylabel(label)
        whole_numbers(axes.xaxis)
        if logarithmic:
            axes.set_yscale("log")
        add_legend(plot, axes)

    return draw


def heat(plot, axes, means, title="", names=None):
    """Mean weights [layer][expert] by layer; experts by name or number."""
    # 20 colours: with more, the colour bar is drawn as pixels
    image = axes.pcolormesh(list(zip(*means)), vmin=0, vmax=1, cmap=plt.get_cmap("viridis", 20))
    axes.grid(False)
    axes.invert_yaxis()
    axes.set_xlabel("layer")
    axes.set_ylabel("expert, in the\norder of `experts`")
    for axis, count in ((axes.xaxis, len(means)), (axes.yaxis, len(means[0]))):
        places = range(0, count, 1 + count // (8 if is_narrow(plot) else 16))
        axis.set_ticks([place + 0.5 for place in places], [str(place) for place in places])
    if names:
        axes.set_ylabel("")
        axes.yaxis.set_ticks([place + 0.5 for place in range(len(names))], names)
    axes.set_title(title, fontsize=9)
    plot.colorbar(image, label="mean weight")
