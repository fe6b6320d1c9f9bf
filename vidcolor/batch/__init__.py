"""Many films at once: their shots as tasks for several workers, over the same jobs that `colorize` keeps.

A task that is done twice does no harm, and one that is lost with its worker is given to another. Each film goes
through three kinds of tasks: its plan, its shots in units of some seconds, and the film itself, encoded from the shots
that were kept. So a batch that was cut off goes on, and `colorize` goes on with what a batch kept.
"""

from vidcolor.batch.pool import LocalCrew
from vidcolor.batch.schedule import FilmResult, run_batch
from vidcolor.batch.tasks import Crew, Film, Settings

__all__ = ["Crew", "Film", "FilmResult", "LocalCrew", "Settings", "run_batch"]
