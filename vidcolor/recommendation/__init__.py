"""References for each shot from a folder of photographs.

`index` describes the folder, `ranking` ranks for a frame, `recommending` goes through the film.
"""

from vidcolor.recommendation.index import INDEX_NAME, Library, open_library
from vidcolor.recommendation.ranking import Candidate, Ranking
from vidcolor.recommendation.recommending import Recommendation, planned, recommend, sheet_rows

__all__ = [
    "INDEX_NAME",
    "Candidate",
    "Library",
    "Ranking",
    "Recommendation",
    "open_library",
    "planned",
    "recommend",
    "sheet_rows",
]
