class Queue:
    def __init__(self, jobs):
        self.jobs = list(jobs)

    def first(self):
        """The next job; it stays in the queue until `drop`."""
        return self.jobs[0]

    def drop(self):
        """The next job is done."""
        del self.jobs[0]

    def done(self):
        """No job is left."""
        return not self.jobs
