"""python -m horizonlm: the `horizon` command."""

from ._command import main

main()
