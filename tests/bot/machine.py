"""The worker of one machine as `paper2code work` composes it, but quick to take another one for dead."""

import threading

from app import _toolbox
from bot.database import Journals, connect
from bot.engine import database_url, work
from bot.review import judging
from bot.worker import reproducer
from settings import load

if __name__ == "__main__":
    settings = load()
    journals = Journals(connect(database_url(settings)))
    toolbox = _toolbox(settings, None, journals)
    make, judge = reproducer(toolbox, settings), judging(toolbox)
    work(settings, make, threading.Event(), judge=judge, dead_after=4)
