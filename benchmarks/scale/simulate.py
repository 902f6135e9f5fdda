#!/usr/bin/env python3
"""simulate.py [--json docs/results/scale.json]

A model of how data-parallel training of Llama-3.1-8B would scale to more cards. Each card computes its share
of the tokens of a step, then the gradients of one expert are summed over the cards in a ring, which takes 2
(W - 1) steps of 1/W of the numbers each (Patarasuk and Yuan 2009): with W cards, n numbers of 4 bytes, a link
of B bytes/s and latency L

    communication = 2 (W - 1) (L + 4 n / (W B))

Communication does not overlap with computing. Tokens per second on one card are measured
(docs/results/gpu.json), and so is Gloo's rate on this machine's loopback (--loopback-gb); the links' rates
are the manufacturers'.
"""
import argparse
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NUMBERS = 41_943_040  # of an expert of rank 16 on every linear of the 8B
CARDS = (1, 2, 4, 8, 16, 32, 64)
# bytes/s in one direction and latency per hop in seconds; transfers through the host add PCIe copies from and
# to the GPU
LINKS = {
    "NVLink, NCCL": (450e9 * 0.8, 5e-6),
    "100 Gb Ethernet, NCCL": (12.5e9 * 0.9, 20e-6),
    "100 Gb Ethernet, Gloo through the host": (None, 50e-6),
}
PCIE = 25e9  # bytes/s of a pinned copy, PCIe 4.0 x16
STEP_TOKENS = {"of 8,192 tokens a card": lambda cards: 8192, "of 16,384 tokens in all": lambda cards: 16384 / cards}


def communication(cards, link, loopback):
    """-> seconds for the sum of a step."""
    if cards == 1:
        return 0.0
    rate, latency = LINKS[link]
    copies = 0.0
    if rate is None:
        rate = min(loopback, 12.5e9 * 0.9)
        copies = 2 * 4 * NUMBERS / PCIE
    return copies + 2 * (cards - 1) * (latency + 4 * NUMBERS / cards / rate)


def efficiency(cards, tokens, link, rate, loopback):
    """-> tokens per second as a share of `cards` times one card's."""
    compute = tokens / rate
    return compute / (compute + communication(cards, link, loopback))


def break_even(link, rate, loopback, share=0.9):
    """-> tokens per card and step from which 64 cards reach that share of their ideal speed."""
    return communication(CARDS[-1], link, loopback) * rate * share / (1 - share)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loopback-gb", type=float, required=True,
                        help="GB/s of routedk_all_reduce_speed on this machine, two processes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    steps = json.loads((ROOT / "docs/results/gpu.json").read_text())["train"]
    rate = steps["everything kept, 8 x 1,024"]["tokens_per_second"]
    loopback = options.loopback_gb * 1e9
    tables = {"efficiency": [], "break_even": []}
    for name, tokens in STEP_TOKENS.items():
        for link in LINKS:
            row = {"a step": name, "link": link}
            row.update({f"{cards} cards": f"{efficiency(cards, tokens(cards), link, rate, loopback):.2f}"
                        for cards in CARDS[1:]})
            tables["efficiency"].append(row)
    for link in LINKS:
        tables["break_even"].append({"link": link,
                                     "a sum over 64 cards, ms": round(1e3 * communication(64, link, loopback), 1),
                                     "tokens a card for 90 %": round(break_even(link, rate, loopback))})
    result = {"tokens_per_second": rate, "numbers": NUMBERS, "loopback_gb_per_second": options.loopback_gb,
              "tables": tables}
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
