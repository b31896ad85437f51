"""The worker of one machine as `paper2code work` composes it, but quick to take another one for dead."""

import threading

from bot.commandline.composition import makers
from bot.jobs.database import Journals, connect
from bot.jobs.engine import database_url
from bot.work.daemon import work
from settings import load

if __name__ == "__main__":
    settings = load()
    journals = Journals(connect(database_url(settings)))
    made = makers(settings, None, journals)
    work(settings, made.make, threading.Event(), dead_after=4)
