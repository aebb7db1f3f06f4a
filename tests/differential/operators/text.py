"""Text."""

import numpy as np

import truth
from case import Case
from registry import operator


@operator("StringConcat")
def concat(d, op):
    shape = d.shape(elements=300)
    return Case(op, [d.array("string", d.part_of(shape)), d.array("string", d.part_of(shape))])


def words(d, shape, options):
    out = np.empty(shape, object)
    out.reshape(-1)[:] = [d.pick(options) for _ in range(out.size)]
    return out


@operator("StringNormalizer")
def normalizer(d, op):
    n = d.dim(5)
    x = words(d, (n,) if d.below(2) else (1, n), ("monday", "Tuesday", "WEDNESDAY", "a", "", "éa"))
    given = {"case_change_action": d.maybe(lambda: d.pick(("NONE", "LOWER", "UPPER"))), "is_case_sensitive": d.maybe(lambda: d.below(2)),
             "stopwords": d.maybe(lambda: [d.pick(("monday", "tuesday", "A")) for _ in range(d.between(1, 2))])}  # fmt: skip
    return Case(op, [x], given, truth=truth.string_normalizer)


@operator("StringSplit")
def split(d, op):
    x = words(d, d.shape(high=2, most=5), ("a b", "a,b,c", " a  b ", "", ",a,,", "a", "ab--c--", "日本 語"))
    given = {"delimiter": d.maybe(lambda: d.pick((",", " ", "--", ""))), "maxsplit": d.maybe(lambda: d.pick((1, 2, 3)))}
    return Case(op, [x], given, outputs=2)


@operator("RegexFullMatch")
def regex(d, op):
    x = words(d, d.shape(high=2, most=9), ("abc", "abbc", "www.x.org", "", "a\nb", "123", "日本", "A"))
    return Case(op, [x], {"pattern": d.pick(("abc", "ab*c", r"www\.[a-z]+\.(org|com)", r"\d+", ".*", "[^a]+", "(?i)a", "a|b|", "日.",
                                             r"\w+", "a{1,2}b?c*", "x(?:y|z)+"))})  # fmt: skip


@operator("TfIdfVectorizer")
def tf_idf(d, op):
    text = d.below(2)
    pool = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7]  # four of one, three of two
    names = ["b", "c", "e", "d", "e", "f", "g", "h", "f", "g"]
    shape = (d.dim(13),) if d.below(2) else (d.pick((1, 2, 3)), d.dim(13))
    x = d.array("int64" if d.below(2) else "int32", shape, 1, 8)
    if text:
        x = np.array([chr(96 + int(v)) for v in x.reshape(-1)], object).reshape(shape)
    low = d.pick((1, 2))
    high = d.pick([n for n in (1, 2) if n >= low])
    mode = d.pick(("TF", "IDF", "TFIDF"))
    weights = [0.5, 1.0, 2.0, 3.0, 0.25, 1.5, 4.0] if d.below(2) else None
    given = {"mode": mode, "min_gram_length": low, "max_gram_length": high, "max_skip_count": d.between(0, 3),
             "ngram_counts": [0, 4], "ngram_indexes": [0, 1, 2, 3, 4, 5, 6], "weights": weights,
             "pool_strings" if text else "pool_int64s": names if text else pool}  # fmt: skip
    return Case(op, [x], given, fed=[0])
