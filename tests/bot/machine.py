"""The worker of one machine as `paper2code work` composes it, but quick to take another one for dead."""

import threading

from app import _toolbox
from bot.database import Journals, connect
from bot.engine import database_url, work
from bot.worker import reproducer
from settings import load

if __name__ == "__main__":
    settings = load()
    journals = Journals(connect(database_url(settings)))
    work(settings, reproducer(_toolbox(settings, None, journals), settings), threading.Event(), dead_after=4)
