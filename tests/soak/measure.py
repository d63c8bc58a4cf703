"""Memory, descriptors and threads of a process over time, and whether they
grow."""
import os
import statistics
import time

# How much more memory the last third of the time may have than the second, in
# MiB. The first third is warming up.
ALLOWED = 40.0
# How many more descriptors and threads there may be at a later rest than at the
# first one: a library opens some when it is first used.
ALLOWED_AT_REST = {"fds": 6, "threads": 4}


class Watched:
    def __init__(self, name, pid):
        self.name, self.pid, self.samples = name, pid, []
        self.begin = time.monotonic()
        self.first_rest = None

    def sample(self):
        self.samples.append((time.monotonic() - self.begin, self.numbers()))

    def numbers(self):
        with open("/proc/%d/status" % self.pid) as file:
            lines = dict(line.split(":", 1) for line in file)
        return {"rss": int(lines["VmRSS"].split()[0]) / 1024,
                "fds": len(os.listdir("/proc/%d/fd" % self.pid)),
                "threads": int(lines["Threads"])}

    def grown_at_rest(self):
        """What there is more of than at the first rest, as sentences."""
        now = self.numbers()
        return ["%s: %s at rest grew from %d to %d, allowed are %d"
                % (self.name, what, self.first_rest[what], now[what], allowed)
                for what, allowed in ALLOWED_AT_REST.items()
                if now[what] > self.first_rest[what] + allowed]

    def _third(self, index, what):
        third = len(self.samples) // 3
        part = self.samples[index * third:(index + 1) * third]
        return [numbers[what] for _, numbers in part]

    def report(self):
        """Prints a line for each, and returns what grows."""
        grown = []
        if len(self.samples) < 9:
            return ["%s: only %d samples" % (self.name, len(self.samples))]
        late = self.samples[len(self.samples) // 3:]
        hours = [when / 3600 for when, _ in late]
        for what in ("rss", *ALLOWED_AT_REST):
            values = [numbers[what] for _, numbers in late]
            slope = statistics.linear_regression(hours, values).slope
            middle = statistics.median(self._third(1, what))
            end = statistics.median(self._third(2, what))
            print("%-10s %-8s %8.1f to %8.1f, %+9.1f an hour"
                  % (self.name, what, middle, end, slope))
            if what == "rss" and end - middle > ALLOWED:
                grown.append("%s: memory grew from %.1f to %.1f MiB, allowed "
                             "are %.0f" % (self.name, middle, end, ALLOWED))
        return grown
