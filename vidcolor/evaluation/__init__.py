"""How good a coloured film is, beside the trivial answers.

`scoring` walks through both films shot by shot, after `survey` has looked at each shot; `baselines` (`nearest` among
them) colours the same film by trivial means, `pictures` turns frames into what the metrics take, `steadiness` says what
moves and what stands still between them, `tally` gathers the scores, `lpips` among them, and `scores` holds the tables.
"""

from vidcolor.evaluation.scores import Row, Scores, summarize
from vidcolor.evaluation.scoring import evaluate

__all__ = ["Row", "Scores", "evaluate", "summarize"]
