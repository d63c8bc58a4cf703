"""Memory, descriptors and threads of a process over time, and whether they
grow."""
import os
import statistics
import time

# How much more of each the last third of the time may have than the second,
# in MiB and numbers. The first third is warming up. WebRTC peers that never
# connect stay for 30 s, and how many there are is chance.
ALLOWED = {"rss": 40.0, "fds": 24, "threads": 16}


class Watched:
    def __init__(self, name, pid):
        self.name, self.pid, self.samples = name, pid, []
        self.begin = time.monotonic()

    def sample(self):
        with open("/proc/%d/status" % self.pid) as file:
            lines = dict(line.split(":", 1) for line in file)
        self.samples.append((
            time.monotonic() - self.begin,
            {"rss": int(lines["VmRSS"].split()[0]) / 1024,
             "fds": len(os.listdir("/proc/%d/fd" % self.pid)),
             "threads": int(lines["Threads"])}))

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
        for what, allowed in ALLOWED.items():
            values = [numbers[what] for _, numbers in late]
            slope = statistics.linear_regression(hours, values).slope
            middle = statistics.median(self._third(1, what))
            end = statistics.median(self._third(2, what))
            print("%-10s %-8s %8.1f to %8.1f, %+9.1f an hour"
                  % (self.name, what, middle, end, slope))
            if end - middle > allowed:
                grown.append("%s: %s grew from %.1f to %.1f, allowed are %.0f"
                             % (self.name, what, middle, end, allowed))
        return grown
