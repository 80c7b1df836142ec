"""All goldens of families, in the order in which they are made."""

from families import experts, gemma4, gemmas, hybrids, latent, llama_like, newer, norms_elsewhere, older, wrappers

FAMILIES = [*llama_like.FAMILIES, *gemmas.FAMILIES, *norms_elsewhere.FAMILIES, *older.FAMILIES, *latent.FAMILIES, *gemma4.FAMILIES,
            *hybrids.FAMILIES, *experts.FAMILIES,
            *newer.FAMILIES, *wrappers.FAMILIES]
# What check_families.py runs besides.
OTHERS = [*llama_like.OTHERS, *wrappers.OTHERS]
assert len({family.name for family in FAMILIES + OTHERS}) == len(FAMILIES + OTHERS)
