"""`python -m vidcolor` is the command line."""

from vidcolor.cli import main

main()
