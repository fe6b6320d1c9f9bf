"""The work on a film, kept per shot in a folder, so that a run that was cut off goes on and a changed shot is one shot.

What is kept is each shot's colours at the working size, before grading and upsampling; the film itself is encoded anew
by every run, at the speed of a transcode. A long shot is kept in stretches, so that a run that was cut off goes on in
the middle of it. What is kept is valid if its key fits, which names everything that it was made from, and if its digest
does; anything else is coloured again.
"""

from vidcolor.jobs.folder import Job, keeps_shots, kept_frame
from vidcolor.jobs.identity import digest, film_identity
from vidcolor.jobs.kept import KeptFrame, KeptShot
from vidcolor.jobs.recipe import Recipe, ShotKey
from vidcolor.jobs.samples import rounded

__all__ = [
    "Job",
    "KeptFrame",
    "KeptShot",
    "Recipe",
    "ShotKey",
    "digest",
    "film_identity",
    "keeps_shots",
    "kept_frame",
    "rounded",
]
