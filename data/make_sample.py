#!/usr/bin/env python3
"""Writes data/sample/{electronic,clothing,food}/*.csv: invented sessions in the format of the public bundle data.

    python3 data/make_sample.py [FOLDER]

Deterministic: the same files on every machine and Python version (only random.Random.random, whose stream is
guaranteed, is drawn from). Nothing here comes from a real catalogue.
"""
import csv
import random
import sys
from pathlib import Path

from sample_vocabulary import ALTERNATIVES, BRANDS, EXTRAS, SCENES

LENGTHS = range(2, 11)
SESSIONS_PER_LENGTH = 16
UNBUNDLED_SESSIONS = 6
ITEMS_PER_FAMILY = 9
TIME_ZERO, DAY = 1_388_534_400, 86_400


class Lots:
    """Draws from random() alone."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def chance(self, p):
        return self._random() < p

    def below(self, n):
        return int(self._random() * n)

    def choice(self, values):
        return values[self.below(len(values))]

    def sample(self, values, n):
        pool = list(values)
        return [pool.pop(self.below(len(pool))) for _ in range(n)]

    def shuffled(self, values):
        return self.sample(values, len(values))


class Domain:
    def __init__(self, name):
        self.name = name
        self.lots = Lots(f"routedk sample {name}")
        self.scenes = SCENES[name]
        self.titles, self.categories, self.nouns = {}, {}, {}
        self.items = {}  # (scene, family) -> item ids
        self.sessions, self.bundles = [], []  # [(items)], [(session, items, intent)]
        self._make_items()
        self._make_sessions()

    def _make_items(self):
        places = [(s, f) for s, (_, _, families) in enumerate(self.scenes) for f in families for _ in range(ITEMS_PER_FAMILY)]
        numbers = sorted(self.lots.sample(range(100, 60_000), len(places)))
        for item, (scene, family) in zip(self.lots.shuffled(numbers), places):
            category, nouns, features = self.scenes[scene][2][family]
            self.nouns[item] = self.lots.choice(nouns)
            self.titles[item] = self._title(self.nouns[item], features)
            self.categories[item] = f"[[{self.name.capitalize()},{self.scenes[scene][0]},{category}]]"
            self.items.setdefault((scene, family), []).append(item)

    def _title(self, noun, features):
        lots = self.lots
        model = lots.choice("ABCDEFGHKLMNPRSTVX") + lots.choice("ABDEGKLORSTX") + str(10 + lots.below(890))
        first, second = lots.sample(features, 2)
        extra = lots.choice(EXTRAS[self.name])
        brand = lots.choice(BRANDS[self.name])
        forms = [f"{brand} {noun}, {first}, {second} - {extra} ({model})", f"{brand} {model} {noun} with {first} and {second}, {extra}",
                 f"{noun} by {brand} - {first} / {second} - {extra}, Model {model}", f"{brand} {noun} {model}: {first}; {second}; {extra}"]
        return self._spell(lots.choice(forms))

    def _spell(self, title):
        """Entities in three of four titles that can have them, and now and then a newline, as in real catalogues."""
        if self.lots.chance(0.75):
            title = title.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&quot;")
        return title.replace(", ", ",\n", 1) if self.lots.chance(0.02) else title

    def _bundle(self, scene, size):
        """Items of one scene: one of each family (complements) or all of one family (alternatives), and the intent."""
        lots, (_, intents, families) = self.lots, self.scenes[scene]
        if lots.chance(0.65) and size <= len(families):
            kinds = lots.sample(list(families), size)
            return [lots.choice(self.items[scene, kind]) for kind in kinds], lots.choice(intents)
        kind = lots.choice(list(families))
        wanted = families[kind][0].lower()
        return lots.sample(self.items[scene, kind], size), lots.choice(ALTERNATIVES).format(wanted)

    def _sizes(self, length):
        """Sizes of the session's bundles: the rest of its items belong to none."""
        if length == 2:
            return [2]
        most = 1 if length < 4 else 2 if length < 7 else 3
        sizes = [2] * (1 + self.lots.below(most))
        free = length - 2 * len(sizes)
        for i in range(len(sizes)):
            grow = min(free, self.lots.below(3))
            sizes[i] += grow
            free -= grow
        return sizes

    def _make_sessions(self):
        plan = [(n, True) for n in LENGTHS for _ in range(SESSIONS_PER_LENGTH)]
        plan += [(2 + i, False) for i in range(UNBUNDLED_SESSIONS)]
        for session, (length, bundled) in enumerate(self.lots.shuffled(plan)):
            scenes = self.lots.shuffled(range(len(self.scenes)))
            found = []
            for size in self._sizes(length) if bundled else []:
                found.append(self._bundle(scenes.pop(), size))
            items = [item for members, _ in found for item in members]
            while len(items) < length:  # each of a scene of its own: nothing goes with it
                scene = scenes.pop()
                items.append(self.lots.choice(self.items[scene, self.lots.choice(list(self.scenes[scene][2]))]))
            self.sessions.append(self.lots.shuffled(items))
            self._annotate(session, found, items)

    def _annotate(self, session, found, items):
        for members, intent in found:
            self.bundles.append((session, self.lots.shuffled(members), intent))
        rest = [item for item in items if found and item not in found[0][0]]
        if found and rest and self.lots.chance(0.12):  # somebody else saw a larger bundle
            self.bundles.append((session, found[0][0] + [self.lots.choice(rest)], "things from the same shop"))
        if found and self.lots.chance(0.08):  # or the same one, for another reason
            self.bundles.append((session, self.lots.shuffled(found[0][0]), "a present, déjà vu"))

    def tables(self):
        """file -> (header, rows)"""
        lots = self.lots
        numbers = lots.shuffled(range(len(self.sessions) + 20))[: len(self.sessions)]
        times = [TIME_ZERO + DAY * lots.below(200) for _ in numbers]
        titles = sorted((i, t) for i, t in self.titles.items() if any(i in s for s in self.sessions))
        bundled = {i for _, members, _ in self.bundles for i in members}
        by_session = list(enumerate(self.sessions))
        tables = {
            "session_item": ("session ID,item ID", [(numbers[s], i) for s, items in lots.shuffled(by_session) for i in items]),
            "session_bundle": ("session ID,bundle ID", [(numbers[s], b) for b, (s, _, _) in enumerate(self.bundles)]),
            "bundle_item": ("bundle ID,item ID", [(b, i) for b, (_, items, _) in enumerate(self.bundles) for i in items]),
            "bundle_intent": ("bundle ID,intent", [(b, intent) for b, (_, _, intent) in enumerate(self.bundles)]),
            "item_titles": ("item ID,titles", titles),
            "item_categories": ("item ID,categories", [(i, self.categories[i]) for i, _ in titles]),
            "user_session": ("user ID,session ID,timestamp", [(u, n, times[u]) for u, n in enumerate(numbers)]),
            "user_item": ("user ID,item ID,timestamp", [(s, i, times[s]) for s, items in by_session for i in items]),
            "user_bundle": ("user ID,bundle ID,timestamp", [(s, b, times[s]) for b, (s, _, _) in enumerate(self.bundles)]),
        }
        if self.name == "electronic":
            tables["item_titles_full"] = tables["item_titles"]
            tables["item_titles"] = ("item ID,titles", [row for row in titles if row[0] in bundled])
        return tables


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "sample")
    for name in SCENES:
        (root / name).mkdir(parents=True, exist_ok=True)
        for table, (header, rows) in Domain(name).tables().items():
            with open(root / name / f"{table}.csv", "w", newline="", encoding="utf-8") as file:
                file.write(header + "\n")
                csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
