"""Turns a shop's annotated carts into a data folder that RouteDK reads.

    python3 to_data.py ORDERS.csv FOLDER/DOMAIN

ORDERS.csv has a row an item: cart, sku, name, category, bundle. Items of a cart with the same text under `bundle`
belong together, and the text says what for; an empty one belongs to nothing.
"""
import csv
import pathlib
import sys


def write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def numbers(values):
    """-> {value: its number}, in the order in which they first come"""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def main(orders, folder):
    with open(orders, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    carts = numbers(row["cart"] for row in rows)
    items = numbers(row["sku"] for row in rows)
    bundles = numbers((row["cart"], row["bundle"]) for row in rows if row["bundle"])
    names = {row["sku"]: row for row in rows}

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "session_item.csv", ["session ID", "item ID"], [(carts[row["cart"]], items[row["sku"]]) for row in rows])
    write(folder / "session_bundle.csv", ["session ID", "bundle ID"], [(carts[cart], b) for (cart, _), b in bundles.items()])
    write(folder / "bundle_item.csv", ["bundle ID", "item ID"],
          [(bundles[row["cart"], row["bundle"]], items[row["sku"]]) for row in rows if row["bundle"]])
    write(folder / "bundle_intent.csv", ["bundle ID", "intent"], [(b, what) for (_, what), b in bundles.items()])
    write(folder / "item_titles.csv", ["item ID", "titles"], [(i, names[sku]["name"]) for sku, i in items.items()])
    write(folder / "item_categories.csv", ["item ID", "categories"], [(i, names[sku]["category"]) for sku, i in items.items()])
    # of the carts of each length so many are kept from training
    (folder.parent / "split.yaml").write_text("test_per_length: 2\nval_per_length: 1\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
