"""PNGs that browsers ask for while pictures come: none keeps a descriptor."""
import os
import threading
import unittest

from preview import Preview, message


class Stills(unittest.TestCase):
    def test_none_keeps_a_descriptor(self):
        with Preview("--no-webrtc") as preview, preview.producer() as producer:
            done = threading.Event()

            def send():
                seed = 0
                while not done.wait(0.01):
                    seed += 1
                    producer.sendall(message(gen="endless", side=8, seed=seed))
            sender = threading.Thread(target=send)
            sender.start()
            self.addCleanup(sender.join)
            self.addCleanup(done.set)
            preview.wait_for(lambda s: any("picture" in g
                                           for g in s["generations"]))
            replies = []

            def ask():
                for _ in range(100):  # apart, so that each gets one of its own
                    replies.append(preview.get("/snapshot.png").status)
                    done.wait(0.02)

            def open_files():
                return len(os.listdir("/proc/%d/fd" % preview.process.pid))
            ask()
            before = open_files()
            askers = [threading.Thread(target=ask) for _ in range(4)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            self.assertEqual(set(replies), {200})
            done.set()
            sender.join()
            # Connections and threads that are about to go take their time.
            preview.wait_for(lambda s: open_files() <= before + 2)


if __name__ == "__main__":
    unittest.main()
