"""Turns a shop's annotated carts into a data folder that RouteDK reads.

    python3 to_data.py ORDERS.csv FOLDER/DOMAIN

ORDERS.csv has a row an item: cart, sku, name, category, bundle. Items of a cart with the same text under `bundle`
belong together, and the text says what for; an empty one belongs to nothing. Commas, semicolons or tabs separate the
fields, as Excel writes them ("CSV UTF-8"). RouteDK numbers carts and items: carts.csv and skus.csv say which is which.
"""
import csv
import io
import pathlib
import sys

COLUMNS = ["cart", "sku", "name", "category", "bundle"]


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def read_orders(path):
    """-> [{column: text}], without blanks around the texts and without empty rows"""
    text = pathlib.Path(path).read_text(encoding="utf-8-sig")  # with Excel's mark or without
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or [])]:
        fail(f"{path} must have the columns {', '.join(COLUMNS)}, but lacks {', '.join(missing)}: {header.strip()!r}")
    rows, first = [], {}
    for full_row in reader:
        row = {column: (full_row[column] or "").strip() for column in COLUMNS}
        if not any(row.values()):
            continue
        place = f"({path}:{reader.line_num})"
        if lacking := [column for column in ("cart", "sku", "name") if not row[column]]:
            fail(f"a row must have a {lacking[0]}, but has none {place}")
        for column in ("name", "category"):
            known = first.setdefault((row["sku"], column), row[column])
            if known != row[column]:
                fail(f"an item must have one {column}, but {row['sku']} has {known!r} and {row[column]!r} {place}")
        rows.append(row)
    return rows


def write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def numbers(values):
    """-> {value: its number}, in the order in which they first come"""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def main(orders, folder):
    rows = read_orders(orders)
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
    write(folder / "carts.csv", ["session ID", "cart"], [(number, cart) for cart, number in carts.items()])
    write(folder / "skus.csv", ["item ID", "sku"], [(number, sku) for sku, number in items.items()])
    # of the carts of each length so many are kept from training
    (folder.parent / "split.yaml").write_text("test_per_length: 2\nval_per_length: 1\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except UnicodeDecodeError:
        fail(f"{sys.argv[1]} must be UTF-8, but is not: save it as \"CSV UTF-8\"")
    except csv.Error as error:
        fail(f"{sys.argv[1]} must be CSV, but: {error}")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
