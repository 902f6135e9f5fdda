"""rouge_l.jsonl: pairs of texts and their ROUGE-L F1, by rouge-score without stemming.

Texts are random words of a small vocabulary, so that subsequences matter, with punctuation, capitals, digits and
letters beyond ASCII between them; then pairs in which one or both have no word.

Needs: rouge-score 0.1.2.
"""

import json
import pathlib
import random

from rouge_score.rouge_scorer import RougeScorer

WORDS = ["red", "Red", "lamp", "USB", "usb", "c3", "42", "a", "naïve", "don't", "shoe-lace", "Größe", "x_y"]
JOINS = [" ", ", ", "  ", "\n", " -- ", ". "]


def text(rng, words):
    return "".join(rng.choice(WORDS) + rng.choice(JOINS) for _ in range(words))


rng = random.Random(7)
pairs = [(text(rng, rng.randint(1, 12)), text(rng, rng.randint(1, 12))) for _ in range(60)]
pairs += [("", "red"), ("red", ""), ("", ""), ("!?", "red"), ("ß", "ü"), ("Red lamp", "red LAMP"), ("lamp red", "red lamp")]
scorer = RougeScorer(["rougeL"], use_stemmer=False)
with open(pathlib.Path(__file__).parent / "rouge_l.jsonl", "w") as out:
    for candidate, reference in pairs:
        f1 = scorer.score(reference, candidate)["rougeL"].fmeasure
        out.write(json.dumps({"candidate": candidate, "reference": reference, "f1": f1}, ensure_ascii=False) + "\n")
