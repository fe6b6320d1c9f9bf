"""How good a coloured film is, beside the trivial answers.

`scoring` walks through both films and fills the table, `baselines` colours the same film by trivial means, `pictures`
turns frames into what the metrics take.
"""

from vidcolor.evaluation.scoring import Row, Scores, evaluate, summarize

__all__ = ["Row", "Scores", "evaluate", "summarize"]
