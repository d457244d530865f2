"""`python -m ops.cli`: the same as `potline`."""

from ops.cli import main

main()
