"""The worker of one machine as `paper2code work` composes it, but quick to take another one for dead."""

import threading

from bot.composition import makers
from bot.daemon import work
from bot.database import Journals, connect
from bot.engine import database_url
from settings import load

if __name__ == "__main__":
    settings = load()
    journals = Journals(connect(database_url(settings)))
    made = makers(settings, None, journals)
    work(settings, made.make, threading.Event(), judge=made.judge, dead_after=4)
